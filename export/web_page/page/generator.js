// Runs a generator layer by layer with TensorFlow.js, on the CPU.

const padded = (x, p) =>
  p ? tf.mirrorPad(x, [[0, 0], [p, p], [p, p], [0, 0]], "reflect") : x;

// One axis after the other keeps the digits that a sum over all would lose;
// as pooling it takes a tenth of the time of tf.mean.
const spatialMean = (x) => {
  const rows = tf.avgPool(x, [1, x.shape[2]], 1, "valid");
  return tf.avgPool(rows, [x.shape[1], 1], 1, "valid");
};

// Four channels to 2x2 pixels; tf.depthToSpace takes eight times as long.
const toPixels = (x) => {
  const [, height, width, channels] = x.shape;
  const apart = tf.reshape(x, [height, width, 2, 2, channels / 4]);
  return tf.reshape(tf.transpose(apart, [0, 2, 1, 3, 4]),
                    [1, 2 * height, 2 * width, channels / 4]);
};

// What each kind of layer makes of [1, H, W, C]; see stages.py.
const LAYERS = {
  convolution: (x, { padding, stride, weights: [kernel, bias] }) => {
    const y = tf.conv2d(padded(x, padding), kernel, stride, "valid");
    return bias ? tf.add(y, bias) : y;
  },
  convolution_by_phase: (x, { padding, weights: [kernel, bias] }) => {
    const y = toPixels(tf.conv2d(padded(x, padding), kernel, 2, "valid"));
    return bias ? tf.add(y, bias) : y;
  },
  upsampling: (x, { weights: [kernel] }) => {
    const above = tf.pad(x, [[0, 0], [1, 0], [1, 0], [0, 0]]);
    let y = toPixels(tf.conv2d(above, kernel, 1, "valid"));
    y = tf.mirrorPad(y, [[0, 0], [1, 1], [1, 1], [0, 0]], "symmetric");
    return tf.avgPool(tf.avgPool(y, 2, 1, "valid"), 2, 1, "valid");
  },
  normalization: (x, { epsilon, weights: [gamma, beta] }) => {
    const centred = tf.sub(x, spatialMean(x));
    const variance = spatialMean(tf.square(centred));
    const scale = tf.mul(tf.rsqrt(tf.add(variance, epsilon)), gamma);
    return tf.add(tf.mul(centred, scale), beta);
  },
  relu: (x) => tf.relu(x),
  tanh: (x) => tf.tanh(x),
};

class Generator {
  // `stages` and `weights`, a Float32Array, of stages.py; `wasm`: bytes.
  static async load(stages, weights, wasm) {
    // The engine asks for its binary: it gets the one in this page.
    tf.env().platform.fetch = async () => new Response(wasm);
    tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
    tf.wasm.setWasmPaths("./", true);
    if (!(await tf.setBackend("wasm"))) throw new Error("no WebAssembly");
    let at = 0;
    const filled = (stage) => ({
      ...stage,
      branch: stage.branch?.map(filled),
      weights: stage.shapes.map((shape) => {
        const size = shape.reduce((a, b) => a * b, 1);
        return tf.tensor(weights.subarray(at, (at += size)), shape);
      }),
    });
    return new Generator(stages.map(filled));
  }

  constructor(stages) {
    this.stages = stages;
    this.count = stages.reduce((n, s) => n + (s.branch?.length ?? 1), 0);
  }

  // RGBA picture { data, width, height } to grey levels, width x height.
  async translate({ data, width, height }, progress) {
    const size = [4 * Math.ceil(height / 4), 4 * Math.ceil(width / 4)];
    const input = new Float32Array(size[0] * size[1] * 3);
    const mirrored = (i, n) => (n - 1) - Math.abs((n - 1) - i);
    for (let y = 0, to = 0; y < size[0]; y++) {
      for (let x = 0; x < size[1]; x++) {
        const from = 4 * (mirrored(y, height) * width + mirrored(x, width));
        for (let c = 0; c < 3; c++) input[to++] = data[from + c] / 127.5 - 1;
      }
    }
    let done = 0;
    const answer = await this.#run(
      this.stages, tf.tensor(input, [1, ...size, 3]),
      () => progress(++done / this.count));
    const values = answer.dataSync();
    answer.dispose();
    const grey = new Uint8ClampedArray(width * height);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        grey[y * width + x] = (values[y * size[1] + x] + 1) * 127.5;
    return grey;
  }

  async #run(stages, x, tick) {
    for (const stage of stages) {
      let y;
      if (stage.branch) {
        const branch = await this.#run(stage.branch, tf.clone(x), tick);
        y = tf.add(x, branch);
        branch.dispose();
      } else {
        y = tf.tidy(() => LAYERS[stage.layer](x, stage));
        tick();
        await new Promise((resume) => setTimeout(resume));  // Draw, listen.
      }
      x.dispose();
      x = y;
    }
    return x;
  }
}
