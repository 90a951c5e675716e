// Where the hub may listen: on loopback as it is, beyond it with TLS or when somebody says that a proxy encrypts.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bus } from '../../../../tools/fleet/http/bus.ts';
import type { Hub } from '../../../../tools/fleet/http/hub.ts';
import { type HttpOptions, isLoopback, startHttp } from '../../../../tools/fleet/http/server.ts';
import { issue, makeAuthority } from '../../../certificates.ts';

const hub = { bus: new Bus(), onTrouble: () => undefined } as unknown as Hub;

async function serving<T>(options: Partial<HttpOptions>, work: (url: string) => Promise<T>): Promise<T> {
  const server = await startHttp(hub, { port: 0, bind: '127.0.0.1', ...options });
  try {
    return await work(server.url);
  } finally {
    await server.stop();
  }
}

test.each(['127.0.0.1', '127.9.8.7', '::1', 'localhost'])('%s is this machine alone', (address) => {
  expect(isLoopback(address)).toBe(true);
});

test.each(['0.0.0.0', '::', '192.168.1.2', '127.0.0.1.example.org', 'localhost.example.org', '1127.0.0.1'])(
  '%s is not, and is refused without TLS in a sentence that says why',
  async (bind) => {
    expect(isLoopback(bind)).toBe(false);
    await expect(startHttp(hub, { port: 0, bind })).rejects.toThrow(
      `--bind ${bind}: without TLS everybody on the way could read passwords`,
    );
  },
);

test('who says that a proxy encrypts may listen beyond loopback', async () => {
  await serving({ bind: '0.0.0.0', insecureHttp: true }, async (url) => {
    const { status } = await fetch(`${url.replace('0.0.0.0', '127.0.0.1')}/healthz`);
    expect(status).toBe(200);
  });
});

test('a port that is taken is told in one sentence', async () => {
  await serving({}, async (url) => {
    const port = Number(new URL(url).port);
    await expect(startHttp(hub, { port, bind: '127.0.0.1' })).rejects.toThrow(/cannot listen on 127.0.0.1 port \d+/);
  });
});

test('with TLS it listens anywhere, speaks TLS alone and tells browsers to stay with it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'earshot-binding-'));
  try {
    const authority = makeAuthority(folder, 'authority');
    const files = issue(folder, authority, 'hub', 'IP:127.0.0.1');
    const tls = { cert: await readFile(files.certificate), key: await readFile(files.key) };
    const ca = await readFile(authority.certificate);
    await serving({ bind: '0.0.0.0', tls }, async (url) => {
      expect(url).toMatch(/^https:\/\/0\.0\.0\.0:\d+$/);
      const { port } = new URL(url);
      const [status, security] = await new Promise<[number | undefined, unknown]>((resolve, reject) => {
        request({ host: '127.0.0.1', port, path: '/healthz', ca, agent: false }, (response) => {
          response.resume();
          resolve([response.statusCode, response.headers['strict-transport-security']]);
        })
          .on('error', reject)
          .end();
      });
      expect([status, security]).toEqual([200, 'max-age=31536000']);
      await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});
