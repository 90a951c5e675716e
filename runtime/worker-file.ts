// Worker threads run compiled JavaScript (Node 20 cannot load TypeScript), also when Jest runs the sources themselves.
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL(import.meta.url.includes('/dist/runtime/') ? '../../' : '../', import.meta.url));

/**
 * Where the compiled form of a source file lies.
 * @param sourceUrl URL of a .ts or .js file of this package, e.g. new URL('./onnx-worker.ts', import.meta.url)
 * @throws Error when the package has not been built
 */
export function workerFile(sourceUrl: URL): URL {
  const inPackage = fileURLToPath(sourceUrl)
    .slice(ROOT.length)
    .replace(/^dist\//, '')
    .replace(/\.ts$/, '.js');
  const compiled = `${ROOT}dist/${inPackage}`;
  if (!existsSync(compiled)) throw new Error(`${compiled} is missing: run npm run build first`);
  return pathToFileURL(compiled);
}

/** Root folder of the installed package, with a trailing slash: models/ and boards/ lie in it. */
export const PACKAGE_ROOT = ROOT;
