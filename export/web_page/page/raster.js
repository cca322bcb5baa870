// Picture operations of OpenCV and NumPy that the page needs, without them.

// For each of `to` samples where its source starts, and the weights there.
function taps(from, to, kind) {
  const scale = from / to, found = [];
  for (let i = 0; i < to; i++) {
    let start, weights = [];
    if (kind === "area") {
      start = Math.floor(i * scale + 1e-9);
      const stop = Math.min((i + 1) * scale, from);
      for (let j = start; j < stop - 1e-9; j++)
        weights.push((Math.min(stop, j + 1) - Math.max(i * scale, j)) / scale);
    } else {
      const at = (i + 0.5) * scale - 0.5, f = at - Math.floor(at);
      start = Math.floor(at);
      if (kind === "linear") {
        weights = [1 - f, f];
      } else {
        const a = -0.75;
        const near = (t) => ((a + 2) * t - (a + 3)) * t * t + 1;
        const far = (t) => ((a * t - 5 * a) * t + 8 * a) * t - 4 * a;
        weights = [far(1 + f), near(f), near(1 - f)];
        weights.push(1 - weights[0] - weights[1] - weights[2]);
        start--;
      }
    }
    found.push({ start, weights });
  }
  return found;
}

// Grey levels of `channels` a pixel at another size; as cv2.resize.
function resize({ data, width, height }, channels, to, kind) {
  const clamp = (i, n) => Math.min(Math.max(i, 0), n - 1);
  const rows = new Float32Array(height * to.width * channels);
  taps(width, to.width, kind).forEach(({ start, weights }, x) => {
    weights.forEach((weight, k) => {
      const from = clamp(start + k, width) * channels;
      for (let y = 0; y < height; y++)
        for (let c = 0; c < channels; c++)
          rows[(y * to.width + x) * channels + c] +=
            weight * data[y * width * channels + from + c];
    });
  });
  const line = to.width * channels, sum = new Float32Array(line);
  const out = new Uint8ClampedArray(line * to.height);
  taps(height, to.height, kind).forEach(({ start, weights }, y) => {
    sum.fill(0);
    weights.forEach((weight, k) => {
      const from = clamp(start + k, height) * line;
      for (let i = 0; i < line; i++) sum[i] += weight * rows[from + i];
    });
    out.set(sum, y * line);
  });
  return { data: out, ...to };
}

// The median of the window around every pixel, borders repeated.
function median(levels, width, height, size) {
  const half = size >> 1, most = (size * size) >> 1;
  const out = new Uint8Array(width * height);
  const row = (y) => width * Math.min(Math.max(y, 0), height - 1);
  const counts = new Int32Array(256);
  for (let y = 0; y < height; y++) {
    counts.fill(0);
    let level = 0, below = 0;  // Pixels of the window below `level`.
    const change = (x, by) => {
      const column = Math.min(Math.max(x, 0), width - 1);
      for (let dy = -half; dy <= half; dy++) {
        const value = levels[row(y + dy) + column];
        counts[value] += by;
        if (value < level) below += by;
      }
    };
    for (let x = -half; x < half; x++) change(x, 1);
    for (let x = 0; x < width; x++) {
      change(x + half, 1);
      while (below > most) below -= counts[--level];
      while (below + counts[level] <= most) below += counts[level++];
      out[y * width + x] = level;
      change(x - half, -1);
    }
  }
  return out;
}

// Rows convolved with one kernel, columns with another, borders mirrored.
function convolve(values, width, height, across, down) {
  const mirrored = (i, n) => {
    i = Math.abs(i);
    return Math.abs((n - 1) - Math.abs((n - 1) - i));
  };
  const once = (source, kernel, n, index) => {
    const half = kernel.length >> 1, out = new Float32Array(source.length);
    for (let i = 0; i < source.length; i++) {
      const [at, step] = index(i);
      let sum = 0;
      for (let k = -half; k <= half; k++)
        if (kernel[k + half])
          sum += kernel[k + half] *
            source[i + (mirrored(at + k, n) - at) * step];
      out[i] = sum;
    }
    return out;
  };
  const rows = once(values, across, width, (i) => [i % width, 1]);
  return once(rows, down, height, (i) => [Math.floor(i / width), width]);
}

function gaussian(size, sigma) {
  const half = size >> 1;
  const kernel = Array.from(
    { length: size }, (_, i) => Math.exp(-((i - half) ** 2) / 2 / sigma ** 2));
  const sum = kernel.reduce((a, b) => a + b);
  return kernel.map((value) => value / sum);
}

// Where all of a shape lies in the mask: half its width for each of its rows.
function erode(mask, width, height, halves, outside) {
  const missing = new Int32Array((width + 1) * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      missing[y * (width + 1) + x + 1] =
        missing[y * (width + 1) + x] + 1 - mask[y * width + x];
  const out = new Uint8Array(mask.length), reach = halves.length >> 1;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      let whole = 1;
      for (let dy = -reach; dy <= reach && whole; dy++) {
        const half = halves[dy + reach];
        const low = Math.max(x - half, 0), high = Math.min(x + half + 1, width);
        if (y + dy < 0 || y + dy >= height) whole = outside;
        else {
          const line = (y + dy) * (width + 1);
          whole = Number(missing[line + high] === missing[line + low] &&
            (outside || (x >= half && x + half < width)));
        }
      }
      out[y * width + x] = whole;
    }
  return out;
}

// The largest region of a mask, its holes filled.
function largestRegion(mask, width, height) {
  const label = new Int32Array(mask.length), stack = new Int32Array(mask.length);
  const flood = (start, number, wanted, steps) => {
    let top = 0, size = 0;
    stack[top++] = start;
    label[start] = number;
    while (top) {
      const i = stack[--top], x = i % width, y = (i - x) / width;
      size++;
      for (const [dx, dy] of steps) {
        const u = x + dx, v = y + dy, j = v * width + u;
        if (u >= 0 && v >= 0 && u < width && v < height && !label[j] &&
            wanted(j)) {
          label[j] = number;
          stack[top++] = j;
        }
      }
    }
    return size;
  };
  const four = [[1, 0], [-1, 0], [0, 1], [0, -1]];
  const eight = [...four, [1, 1], [1, -1], [-1, 1], [-1, -1]];
  for (let i = 0; i < mask.length; i++) {
    const x = i % width, y = (i - x) / width;
    const border = !x || !y || x === width - 1 || y === height - 1;
    if (border && !mask[i] && !label[i]) flood(i, -1, (j) => !mask[j], four);
  }
  let best = 0, most = 0;
  for (let i = 0, number = 0; i < mask.length; i++)
    if (!label[i]) {
      const size = flood(i, ++number, () => true, eight);
      if (size > most) [most, best] = [size, number];
    }
  return Uint8Array.from(label, (number) => Number(best && number === best));
}
