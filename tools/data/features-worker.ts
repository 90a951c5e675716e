// Worker thread of `earshot data features`: one recording per task.
import { type FeatureFile, type FeatureFileOptions, writeFeatureFile } from './feature-file.ts';

export default function extract(options: FeatureFileOptions): Promise<FeatureFile> {
  return writeFeatureFile(options);
}
