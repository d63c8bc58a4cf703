// ONNX Runtime as an engine of compare.py; see engine_loop.h.
//   node onnx_engine.cjs MODULE MODEL LATENT SIZE THREADS
// MODULE is the folder of onnxruntime-node, MODEL an ONNX file of this SIZE.
'use strict';
const fs = require('fs');
const readline = require('readline');

const [module_folder, model, latent_path, size_word, threads] =
    process.argv.slice(2);
const ort = require(module_folder);
const size = Number(size_word);

function statusKib(wanted) {
  const line = fs.readFileSync('/proc/self/status', 'ascii')
                   .split('\n').find((row) => row.startsWith(wanted));
  return Number(line.split(/\s+/)[1]);
}

function say(answer) {
  process.stdout.write(JSON.stringify(answer) + '\n');
}

function readFloats(path) {
  const bytes = fs.readFileSync(path);
  return new Float32Array(bytes.buffer.slice(
      bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

async function main() {
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ['cpu'],
    intraOpNumThreads: Number(threads),
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
  });
  const latent = new ort.Tensor('float32', readFloats(latent_path),
                                [1, 32, size / 8, size / 8]);
  say({ready: true, kib: statusKib('VmRSS:')});
  let picture = null;
  for await (const line of readline.createInterface({input: process.stdin})) {
    const [word, path] = line.trim().split(' ');
    if (word === 'run') {
      const start = process.hrtime.bigint();
      picture = (await session.run({latent})).picture.data;
      say({seconds: Number(process.hrtime.bigint() - start) * 1e-9});
    } else if (word === 'save') {
      fs.writeFileSync(path, Buffer.from(picture.buffer, picture.byteOffset,
                                         picture.byteLength));
      say({saved: true});
    } else if (word === 'memory') {
      say({kib: statusKib('VmHWM:')});
    } else {
      throw new Error(`unknown word ${word}`);
    }
  }
}

main().catch((error) => {
  console.error(String(error));
  process.exit(2);
});
