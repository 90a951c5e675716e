// A serial port as the console's dialogue wants it.
import type { OpenLine } from './console.ts';
import { openSerialPort } from './serial-port.ts';

/** 115200 8N1, as every Jetson's console. */
const BAUD = 115_200;

export const openSerialLine: OpenLine = async (path, { onData, onGone }) => {
  const port = await openSerialPort(path, BAUD);
  port.on('data', onData);
  port.on('close', onGone);
  port.on('error', () => undefined); // 'close' follows, and is what counts
  return {
    write: (text) => void port.write(text),
    close: () => new Promise((resolve) => (port.isOpen ? port.close(() => resolve()) : resolve())),
  };
};
