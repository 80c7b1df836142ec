'use strict';
(() => {
const data = JSON.parse(document.getElementById('data').textContent);
const place = document.getElementById('charts');
const left0 = 8, right = 14, top = 10, bottom = 26;

const element = (name, attributes, parent, text) => {
  const svg = ['svg', 'g', 'path', 'line', 'text', 'circle'].includes(name);
  const made = svg ? document.createElementNS('http://www.w3.org/2000/svg', name) : document.createElement(name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.appendChild(made);
  return made;
};
const real = v => v === 'nan' ? NaN : v === 'inf' ? Infinity : v === '-inf' ? -Infinity : v;

// Numbers as people read them: 12,345, 0.0123, 1.2e-5.
const minus = text => text.replace('-', '\u2212');
function show(v) {
  if (Number.isNaN(v)) return 'not a number';
  if (!Number.isFinite(v)) return v > 0 ? 'infinite' : 'minus infinite';
  const size = Math.abs(v);
  if (size !== 0 && (size < 1e-3 || size >= 1e9)) return minus(v.toExponential(3).replace(/\.?0+e/, 'e').replace('e+', 'e'));
  return minus(v.toLocaleString('en', size >= 1000 ? {maximumFractionDigits: size >= 1e5 ? 0 : 1} : {maximumSignificantDigits: 5}));
}
// A tick's label, with the digits that tell it from the next one.
function label(v, step) {
  const size = Math.abs(v);
  if (v === 0) return '0';
  if (size < 1e-3 && step < 1e-3) {
    const power = Math.floor(Math.log10(size) + 1e-9);
    const digits = Math.max(0, power - Math.floor(Math.log10(step) + 1e-9));
    return minus(v.toExponential(Math.min(digits, 4)).replace('.0e', 'e'));
  }
  if (size >= 1e4) {
    const [unit, name] = size >= 1e9 ? [1e9, 'G'] : size >= 1e6 ? [1e6, 'M'] : [1e3, 'k'];
    const digits = Math.max(0, Math.min(4, -Math.floor(Math.log10(step / unit) + 1e-9)));
    return minus((v / unit).toFixed(digits) + ' ' + name);
  }
  return minus(v.toFixed(Math.max(0, Math.min(8, -Math.floor(Math.log10(step) + 1e-9)))));
}

// Round numbers about `count` of which lie in the range: 1, 2 or 5 times a power of ten apart.
function spacing(range, count, whole) {
  const rough = range / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find(m => m * power >= rough * 0.999);
  return whole ? Math.max(1, Math.round(step)) : step;
}
function linearTicks(low, high, count, whole) {
  const step = spacing(high - low || 1, count, whole);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i) ticks.push(i * step);
  return {ticks, text: v => label(v, step)};
}
function logTicks(low, high, count) {
  const from = Math.floor(Math.log10(low)), to = Math.ceil(Math.log10(high)), ticks = [];
  if (high / low < 8) return linearTicks(low, high, count);
  const within = to - from <= 2 ? [1, 2, 5] : [1];
  const every = Math.max(1, Math.ceil((to - from) / (count + 1)));
  for (let power = from; power <= to; ++power) {
    if ((power - from) % every !== 0) continue;
    for (const m of within) if (m * 10 ** power >= low * 0.999 && m * 10 ** power <= high * 1.001) ticks.push(m * 10 ** power);
  }
  return {ticks, text: v => label(v, 10 ** Math.floor(Math.log10(v) + 1e-9))};
}

function makeChart(chart, number) {
  const wide = number === 0;
  const box = element('div', {class: wide ? 'chart wide' : 'chart'}, place);
  const head = element('div', {class: 'top'}, box);
  element('h2', {}, head, chart.title);
  const color = i => 'var(--c' + i % 8 + ')';
  const series = chart.series.map((s, i) => ({
    ...s, color: color(i), steps: s.points[0], values: s.points[1].map(real), marks: s.points[1].length <= 40 && s.points[1].length > 0,
  }));
  const legend = element('div', {class: 'legend'}, head);
  for (const s of series) {
    const item = element('span', {}, legend);
    element('i', {style: 'background:' + s.color}, item);
    const shown = series.length > 1 ? s.label + ' ' : '';
    item.append(shown + show(s.values[s.values.length - 1]));
    item.title = 'the last of ' + s.measured.toLocaleString('en') + ' values';
  }
  const finite = series.flatMap(s => s.values.filter(Number.isFinite));
  const least = finite.reduce((a, b) => Math.min(a, b), Infinity), most = finite.reduce((a, b) => Math.max(a, b), -Infinity);
  const canLog = least > 0 && most / least > 3;
  let log = canLog && most / least > 30;
  if (canLog) {
    const button = element('button', {type: 'button', 'aria-pressed': log, title: 'logarithmic scale'}, box, 'log');
    button.onclick = () => {
      log = !log;
      button.setAttribute('aria-pressed', log);
      draw();
    };
  }
  const last = series.map(s => s.label + ' ' + show(s.values[s.values.length - 1])).join(', ');
  const svg = element('svg', {role: 'img', tabindex: 0, 'aria-label': chart.title + ' over steps; at the end: ' + last}, box);
  let tip = null, view = null;

  function draw() {
    hide();
    svg.replaceChildren();
    const width = Math.max(box.clientWidth - 2 * parseFloat(getComputedStyle(box).paddingLeft), 120);
    const height = wide ? Math.min(340, Math.max(220, width * 0.4)) : 210;
    svg.setAttribute('viewBox', '0 0 ' + width + ' ' + height);
    svg.setAttribute('height', height);
    const allSteps = series.flatMap(s => [s.steps[0], s.steps[s.steps.length - 1]]).filter(s => s !== undefined);
    let first = Math.min(...allSteps), end = Math.max(...allSteps);
    if (first === end) { first -= 1; end += 1; }
    let low = least, high = most;
    if (finite.length === 0) { low = 0; high = 1; }
    if (log) {
      const air = Math.max((high / low) ** 0.06, 1.02);
      low /= air; high *= air;
    } else {
      const air = (high - low || Math.abs(high) || 1) * 0.06;
      // A scale that begins at 0 where that costs little says more.
      low = least >= 0 && (least === most || least < (most - least) * 0.35) ? 0 : low - air;
      high += air;
    }
    const count = Math.round(height / 48);
    const yAxis = log ? logTicks(low, high, count) : linearTicks(low, high, count);
    const yTexts = finite.length === 0 ? [] : yAxis.ticks.map(yAxis.text);
    const measure = element('text', {}, svg);
    let left = left0;
    for (const text of yTexts) {
      measure.textContent = text;
      left = Math.max(left, measure.getComputedTextLength() + left0 + 4);
    }
    measure.remove();
    left = Math.ceil(left);
    const x = step => left + (step - first) / (end - first) * (width - left - right);
    const scale = log ? Math.log : v => v;
    const y = v => top + (scale(high) - scale(v)) / (scale(high) - scale(low)) * (height - top - bottom);
    const floor = height - bottom;
    view = {x, y, first, end, left, width, height, floor};

    yTexts.forEach((text, i) => {
      const at = y(yAxis.ticks[i]);
      element('line', {class: 'grid', x1: left, x2: width - right, y1: at, y2: at}, svg);
      element('text', {x: left - 7, y: at + 4, 'text-anchor': 'end'}, svg, text);
    });
    const xAxis = linearTicks(first, end, Math.max(2, Math.round((width - left) / 95)), true);
    for (const tick of xAxis.ticks) {
      const at = x(tick);
      element('line', {class: 'axis', x1: at, x2: at, y1: floor, y2: floor + 4}, svg);
      const anchor = at > width - 34 ? 'end' : 'middle';
      element('text', {x: anchor === 'end' ? width - 2 : at, y: height - 7, 'text-anchor': anchor}, svg, xAxis.text(tick));
    }
    element('line', {class: 'axis', x1: left, x2: width - right, y1: floor, y2: floor}, svg);
    if (finite.length === 0) element('text', {x: (left + width) / 2, y: height / 2, 'text-anchor': 'middle'}, svg, 'no finite value');
    for (const step of wide ? data.skipped : []) {
      const mark = element('path', {class: 'skip', d: 'M' + x(step).toFixed(1) + ' ' + floor + 'v-8'}, svg);
      element('title', {}, mark, 'step ' + step + ' was skipped');
    }
    for (const s of series) drawSeries(s);
  }

  // A line with a gap where a value is not finite, and a mark there: a cross for NaN, an arrow at the edge for an infinity.
  function drawSeries(s) {
    const {x, y, floor} = view;
    const group = element('g', {class: 'series', 'data-series': s.name}, svg);
    const trend = s.trend[0].length > 1;
    let path = '', odd = '', pen = 'M';
    const dots = [];
    s.steps.forEach((step, i) => {
      const v = s.values[i], at = x(step).toFixed(1);
      if (!Number.isFinite(v)) {
        odd += Number.isNaN(v) ? 'M' + (at - 4) + ' ' + (floor - 12) + 'l8 8m0 -8l-8 8'
          : v > 0 ? 'M' + at + ' ' + (top + 12) + 'V' + top + 'm-4 4l4 -4l4 4' : 'M' + at + ' ' + (floor - 14) + 'v12m-4 -4l4 4l4 -4';
        pen = 'M';
        return;
      }
      path += pen + at + ' ' + y(v).toFixed(1);
      // A point without a finite neighbour is no line: it gets a dot.
      const alone = !Number.isFinite(s.values[i - 1] ?? NaN) && !Number.isFinite(s.values[i + 1] ?? NaN);
      if (s.marks || alone) dots.push([at, y(v).toFixed(1)]);
      pen = 'L';
    });
    element('path', {class: trend ? 'line faint' : 'line', d: path, stroke: s.color}, group);
    if (trend) {
      const points = s.trend[0].map((step, i) => x(step).toFixed(1) + ' ' + y(s.trend[1][i]).toFixed(1));
      element('path', {class: 'trend', d: 'M' + points.join('L'), stroke: s.color}, group);
    }
    for (const [cx, cy] of dots) element('circle', {cx, cy, r: 2.6, fill: s.color}, group);
    if (odd) element('path', {class: 'odd', d: odd}, group);
  }

  // The value of each series at the step nearest to this one.
  const nearest = (steps, step) => {
    let low = 0, high = steps.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (steps[middle] <= step) low = middle; else high = middle;
    }
    return Math.abs(steps[high] - step) < Math.abs(steps[low] - step) ? high : low;
  };
  let pointed = null;  // the step that is shown
  function pointAt(step) {
    hide();
    if (!series.some(s => s.steps.length)) return;
    const {x, y, left, width, floor} = view;
    const main = series.reduce((a, b) => b.steps.length > a.steps.length ? b : a);
    pointed = main.steps[nearest(main.steps, step)];
    const at = x(pointed);
    const group = element('g', {class: 'pointer'}, svg);
    element('line', {class: 'cursor', x1: at, x2: at, y1: top, y2: floor}, group);
    tip = element('div', {class: 'tip'}, box);
    element('b', {}, tip, 'step ' + pointed.toLocaleString('en'));
    for (const s of series) {
      if (!s.steps.length) continue;
      const i = nearest(s.steps, pointed), v = s.values[i];
      const row = element('div', {}, tip);
      element('i', {style: 'background:' + s.color}, row);
      row.append(s.label + (s.steps[i] === pointed ? '' : ' (step ' + s.steps[i].toLocaleString('en') + ')'));
      element('b', {}, row, show(v));
      if (Number.isFinite(v)) element('circle', {cx: x(s.steps[i]), cy: y(v), r: 4, fill: s.color}, group);
    }
    const offset = svg.offsetLeft + at, room = box.clientWidth - 8;
    const begin = offset + 14 + tip.offsetWidth < room ? offset + 14 : Math.max(8, offset - 14 - tip.offsetWidth);
    tip.style.left = begin + 'px';
    tip.style.top = svg.offsetTop + top + 'px';
  }
  function hide() {
    tip?.remove();
    tip = null;
    svg.querySelector('.pointer')?.remove();
  }
  const stepAt = event => {
    const area = svg.getBoundingClientRect(), {first, end, left, width} = view;
    const across = (event.clientX - area.left) / area.width * width;
    return first + (across - left) / (width - left - right) * (end - first);
  };
  svg.onpointermove = svg.onpointerdown = event => pointAt(stepAt(event));
  svg.onpointerleave = svg.onblur = hide;
  svg.onkeydown = event => {
    const way = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (!way) return;
    const main = series.reduce((a, b) => b.steps.length > a.steps.length ? b : a);
    const i = pointed === null ? main.steps.length - 1 : nearest(main.steps, pointed) + way;
    pointAt(main.steps[Math.max(0, Math.min(i, main.steps.length - 1))]);
    event.preventDefault();
  };
  return draw;
}

// Drawn when all are in their places: a chart's width depends on those beside it.
const draws = data.charts.map(makeChart);
draws.forEach(draw => draw());
if (data.charts.length === 0) place.remove();
let known = place.clientWidth;
new ResizeObserver(() => {
  if (place.clientWidth === known) return;
  known = place.clientWidth;
  draws.forEach(draw => draw());
}).observe(place);
})();
