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
  const counts = new Int32Array(256), rows = new Int32Array(size);
  const clamp = (i, n) => Math.min(Math.max(i, 0), n - 1);
  for (let y = 0; y < height; y++) {
    counts.fill(0);
    for (let k = 0; k < size; k++) rows[k] = width * clamp(y + k - half, height);
    let level = 0, below = 0;  // Pixels of the window below `level`.
    const change = (x, by) => {
      const column = clamp(x, width);
      for (let k = 0; k < size; k++) {
        const value = levels[rows[k] + column];
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
  const rows = convolveLines(values, height, width, width, 1, across);
  return convolveLines(rows, width, 1, height, width, down);
}

// `count` lines `apart`, each of `length` values a `step` from each other.
function convolveLines(values, count, apart, length, step, kernel) {
  const out = new Float32Array(values.length), half = kernel.length >> 1;
  const mirrored = (i) =>
    Math.abs((length - 1) - Math.abs((length - 1) - Math.abs(i)));
  for (let i = 0; i < length; i++)
    for (let k = 0; k < kernel.length; k++) {
      const from = mirrored(i + k - half) * step, to = i * step;
      const weight = kernel[k];
      if (!weight) continue;
      for (let line = 0; line < count * apart; line += apart)
        out[line + to] += weight * values[line + from];
    }
  return out;
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
  // With a border around, which no step leaves: 1 inside the mask, 0 outside,
  // then -1 in the surround and a number in each region.
  const wide = width + 2, size = wide * (height + 2);
  const label = new Int32Array(size), stack = new Int32Array(size);
  const todo = new Uint8Array(size);
  for (let y = 0; y < height; y++)
    todo.set(mask.subarray(y * width, (y + 1) * width), (y + 1) * wide + 1);
  const flood = (start, number, value, steps) => {
    let top = 0, count = 0;
    const take = (i) => {
      if (label[i] || todo[i] !== value) return;
      label[i] = number;
      stack[top++] = i;
    };
    take(start);
    while (top) {
      const i = stack[--top];
      count++;
      for (let k = 0; k < steps.length; k++)
        if (i + steps[k] >= 0 && i + steps[k] < size) take(i + steps[k]);
    }
    return count;
  };
  const four = [1, -1, wide, -wide];
  const eight = [...four, wide + 1, wide - 1, 1 - wide, -1 - wide];
  flood(0, -1, 0, four);
  for (let i = 0; i < size; i++) todo[i] = Number(label[i] === 0);
  let best = 0, most = 0;
  for (let i = 0, number = 0; i < size; i++)
    if (todo[i] && !label[i]) {
      const count = flood(i, ++number, 1, eight);
      if (count > most) [most, best] = [count, number];
    }
  const out = new Uint8Array(mask.length);
  for (let y = 0; y < height && best; y++)
    for (let x = 0; x < width; x++)
      out[y * width + x] = Number(label[(y + 1) * wide + x + 1] === best);
  return out;
}
