// How often a class is right, from some reviewed detections: exact intervals, and which score gives which precision.
const Precision = (() => {
  "use strict";

  // The logarithm of the gamma function, by Lanczos' series.
  function logGamma(x) {
    const terms = [76.18009172947146, -86.50532032941677, 24.01409824083091, -1.231739572450155, 0.1208650973866179e-2, -0.5395239384953e-5];
    const shifted = x + 5.5 - (x + 0.5) * Math.log(x + 5.5);
    let sum = 1.000000000190015;
    terms.forEach((term, i) => { sum += term / (x + 1 + i); });
    return -shifted + Math.log(2.5066282746310005 * sum / x);
  }

  // The regularized incomplete beta function I_x(a, b), by its continued fraction.
  function beta(x, a, b) {
    if (x <= 0) return 0;
    if (x >= 1) return 1;
    if (x > (a + 1) / (a + b + 2)) return 1 - beta(1 - x, b, a);
    const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(1 - x)) / a;
    const small = 1e-300, guarded = value => Math.abs(value) < small ? small : value;
    let c = 1, d = 1 / guarded(1 - (a + b) * x / (a + 1)), value = d;
    for (let m = 1; m < 500; m++) {
      const even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
      d = 1 / guarded(1 + even * d);
      c = guarded(1 + even / c);
      value *= d * c;
      const odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
      d = 1 / guarded(1 + odd * d);
      c = guarded(1 + odd / c);
      value *= d * c;
      if (Math.abs(d * c - 1) < 1e-14) break;
    }
    return front * value;
  }

  // The x with I_x(a, b) = p, by bisection.
  function betaInverse(p, a, b) {
    let [low, high] = [0, 1];
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2;
      if (beta(middle, a, b) < p) low = middle; else high = middle;
    }
    return (low + high) / 2;
  }

  // Clopper and Pearson's exact interval of `right` of `n`.
  function interval(right, n, level = 0.95) {
    if (n === 0) return [0, 1];
    const tail = (1 - level) / 2;
    return [
      right <= 0 ? 0 : betaInverse(tail, right, n - right + 1),
      right >= n ? 1 : betaInverse(1 - tail, right + 1, n - right),
    ];
  }

  // How many more answers make the interval at most +-`half` wide, if the precision stays about what it is now.
  function more(right, n, half = 0.05, level = 0.95) {
    const share = (right + 0.5) / (n + 1);
    const narrow = extra => {
      const [low, high] = interval(right + share * extra, n + extra, level);
      return high - low <= 2 * half;
    };
    if (n > 0 && narrow(0)) return 0;
    let [low, high] = [0, 16];
    while (!narrow(high)) [low, high] = [high, 2 * high];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (narrow(middle)) high = middle; else low = middle;
    }
    return high;
  }

  // Answers that a threshold needs at least: all, and of each kind.
  const LEAST = 10, LEAST_EACH = 2;
  const logit = score => Math.log(score / (1 - score));
  const spread = score => logit(Math.min(0.999, Math.max(0.001, score)));
  const sigmoid = x => 1 / (1 + Math.exp(-x));

  // Logistic regression of right and wrong on the log-odds of the score; `points` are { score, right }. The slope is never negative, and
  // a weak prior (slope 1, no shift) decides where there are few answers. `at(score)` is the precision at a score; `threshold(wanted)` is
  // { score, range } from which on detections are right with at least that probability, with its 95 % interval, or { score: null, reason }.
  function calibrate(points) {
    const known = points.filter(point => Number.isFinite(point.score));
    const n = known.length, right = known.filter(point => point.right).length;
    const xs = known.map(point => spread(point.score));
    // Platt's targets keep a separable set from giving an endless slope.
    const targets = [1 / (n - right + 2), (right + 1) / (right + 2)];
    const PRIOR = 0.1;
    let covariance = [0, 0, 0];
    const fit = slopeIsFree => {
      let [a, b] = [0, slopeIsFree ? 1 : 0];
      for (let step = 0; step < 100; step++) {
        let [g0, g1, h00, h01, h11] = [-PRIOR * a, -PRIOR * (b - 1), PRIOR, 0, PRIOR];
        xs.forEach((x, i) => {
          const p = sigmoid(a + b * x), error = targets[known[i].right ? 1 : 0] - p, weight = p * (1 - p);
          g0 += error;
          g1 += error * x;
          h00 += weight;
          h01 += weight * x;
          h11 += weight * x * x;
        });
        const determinant = h00 * h11 - h01 * h01;
        const [da, db] = slopeIsFree ? [(h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant] : [g0 / h00, 0];
        // A step of Newton's is cut, so that it cannot overshoot.
        const cut = Math.min(1, 4 / Math.max(Math.abs(da), Math.abs(db), 1e-12));
        [a, b] = [a + cut * da, b + cut * db];
        covariance = slopeIsFree ? [h11 / determinant, -h01 / determinant, h00 / determinant] : [1 / h00, 0, 0];
        if (Math.max(Math.abs(da), Math.abs(db)) < 1e-10) break;
      }
      return [a, b];
    };
    let [a, b] = fit(true);
    if (!(b > 0)) [a, b] = fit(false);
    const at = score => sigmoid(a + b * spread(score));
    const scores = known.map(point => point.score).sort((one, other) => one - other);
    function threshold(wanted) {
      const none = reason => ({ score: null, reason });
      if (n < LEAST) return none("needs " + (LEAST - n) + " more");
      if (right < LEAST_EACH && at(scores[n - 1]) < wanted) return none("too few are right");
      // Nothing is said beyond the scores that were looked at.
      if (at(scores[0]) >= wanted) return { score: scores[0], all: true };
      if (at(scores[n - 1]) < wanted) return none("no score reaches it");
      const x = (logit(wanted) - a) / b;
      // How far the threshold is off by chance, by the delta method.
      const error = Math.sqrt(Math.max(0, covariance[0] + 2 * x * covariance[1] + x * x * covariance[2])) / b;
      return { score: Math.max(scores[0], Math.min(scores[n - 1], sigmoid(x))), range: [sigmoid(x - 1.96 * error), sigmoid(x + 1.96 * error)], all: false };
    }
    return { n, right, intercept: a, slope: b, at, threshold };
  }

  return { interval, more, calibrate, beta };
})();
