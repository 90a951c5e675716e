// The device's figures for Prometheus, on this machine only. What is unknown is absent, in base units, as its conventions ask.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Counter, Gauge, Registry } from 'prom-client';

/** One figure; null is left out. */
export interface Figure {
  readonly name: string;
  readonly help: string;
  readonly value: number | null;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Text in Prometheus' exposition format; what ends in _total counts up. Figures of one name have the same label names. */
export async function exposition(figures: readonly Figure[]): Promise<string> {
  const registry = new Registry();
  const metrics = new Map<string, (labels: Readonly<Record<string, string>>, value: number) => void>();
  for (const { name, help, value, labels = {} } of figures) {
    if (value === null) continue;
    const configuration = { name, help, labelNames: Object.keys(labels), registers: [registry] };
    if (!metrics.has(name)) metrics.set(name, setterOf(configuration));
    metrics.get(name)!(labels, value);
  }
  return registry.metrics();
}

function setterOf(configuration: { name: string; help: string; labelNames: string[]; registers: Registry[] }) {
  if (configuration.name.endsWith('_total')) {
    const counter = new Counter(configuration);
    return (labels: Readonly<Record<string, string>>, value: number) => counter.inc(labels, value);
  }
  const gauge = new Gauge(configuration);
  return (labels: Readonly<Record<string, string>>, value: number) => gauge.set(labels, value);
}

/** http://127.0.0.1:PORT/metrics; never on another address, since it has no password. */
export class MetricsServer {
  readonly #figures: () => Promise<readonly Figure[]>;
  #server: Server | undefined;

  constructor(figures: () => Promise<readonly Figure[]>) {
    this.#figures = figures;
  }

  /** @param port 0: any free one. @returns the port. @throws when another program has it */
  async start(port: number): Promise<number> {
    const server = createServer(async (request, response) => {
      if (request.url !== '/metrics' || request.method !== 'GET') return void response.writeHead(404).end();
      const text = await this.#figures().then(exposition);
      response.writeHead(200, { 'content-type': Registry.PROMETHEUS_CONTENT_TYPE }).end(text);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    this.#server = server;
    return (server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.closeAllConnections();
    await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
  }
}
