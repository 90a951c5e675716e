// Which ONNX file is meant when a model is named.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';

/** The ONNX file of a model folder, or the file itself. */
export async function modelFile(fileOrFolder: string): Promise<string> {
  const isFolder = await stat(fileOrFolder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isFolder ? join(fileOrFolder, 'model.onnx') : fileOrFolder;
}
