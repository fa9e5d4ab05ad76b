// How often a class is right, from some reviewed detections: exact intervals, and which score gives which precision.
const Precision = (() => {
  "use strict";

  // The logarithm of the gamma function above 0, to the last digits: Stirling's series, after steps up to where it is exact.
  const STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360];
  function logGamma(x) {
    let shifted = x, product = 1;
    for (; shifted < 16; shifted++) product *= shifted;
    const series = STIRLING.reduceRight((sum, term) => sum / (shifted * shifted) + term, 0) / shifted;
    return (shifted - 0.5) * Math.log(shifted) - shifted + 0.5 * Math.log(2 * Math.PI) + series - Math.log(product);
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

  // Clopper and Pearson's exact interval of `right` of `n` independent ones: of what else could have been detected.
  function clopperPearson(right, n, level) {
    if (n === 0) return [0, 1];
    const tail = (1 - level) / 2;
    return [
      right <= 0 ? 0 : betaInverse(tail, right, n - right + 1),
      right >= n ? 1 : betaInverse(1 - tail, right + 1, n - right),
    ];
  }

  // The exact interval of the share of a population of `size`, of which `n` were drawn at random without replacement (Katz 1953; Konijn
  // 1973; Wright 1991), as crates/stats/src/finite.rs computes it: [right / n, right / n] where all were drawn.
  const ROUNDING = 1e-7, NEGLIGIBLE = 1e-17;
  const logChoose = (n, k) => logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
  // The sum of probabilities from `i` on; `next(i)` is the ratio of the following one, or 0.
  function tailSum(i, by, n, successes, size, next) {
    let term = 1, sum = 1;
    const log = logChoose(successes, i) + logChoose(size - successes, n - i) - logChoose(size, n);
    for (let at = i, ratio = next(at); ratio > 0; at += by, ratio = next(at)) {
      term *= ratio;
      sum += term;
      if (term < sum * NEGLIGIBLE) break;
    }
    return Math.min(1, Math.exp(log) * sum);
  }
  // The probability of `k` or more successes among `n` drawn from a population that has `successes`.
  function atLeast(k, n, successes, size) {
    const first = Math.max(0, n - (size - successes)), last = Math.min(n, successes);
    if (k <= first) return 1;
    if (k > last) return 0;
    const failures = size - successes - n;
    // Each sum runs away from the mode, where its terms only fall.
    if (k > Math.floor((n + 1) * (successes + 1) / (size + 2))) {
      return tailSum(k, 1, n, successes, size, i => i < last ? (successes - i) * (n - i) / ((i + 1) * (failures + i + 1)) : 0);
    }
    return 1 - tailSum(k - 1, -1, n, successes, size, i => i > first ? i * (failures + i) / ((successes - i + 1) * (n - i + 1)) : 0);
  }
  // The fewest successes in the population with which `k` or more of `n` have the probability of a tail.
  function fewest(k, n, size, level) {
    if (k === 0) return 0;
    const tail = (1 - level) / 2 * (1 - ROUNDING);
    let [low, high] = [k - 1, size - (n - k)];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (atLeast(k, n, middle, size) >= tail) high = middle; else low = middle;
    }
    return high;
  }
  function finite(right, n, size, level) {
    if (n === 0) return [0, 1];
    return [fewest(right, n, size, level) / size, (size - fewest(n - right, n, size, level)) / size];
  }

  // The interval of the share of a population of `size`; without one (null), Clopper and Pearson's.
  function interval(right, n, size = null, level = 0.95) {
    return size === null ? clopperPearson(right, n, level) : finite(right, n, Math.max(n, size), level);
  }

  // How many more answers make the interval at most 2 * `half` wide, if the precision stays about what it is now; all of the population
  // at most.
  function more(right, n, size = null, half = 0.05, level = 0.95) {
    const share = (right + 0.5) / (n + 1), most = size === null ? Infinity : Math.max(0, size - n);
    const narrow = extra => {
      const [low, high] = interval(right + Math.round(share * extra), n + extra, size, level);
      return high - low <= 2 * half + 1e-9;
    };
    if (most === 0 || n > 0 && narrow(0)) return 0;
    let [low, high] = [0, Math.min(most, 16)];
    while (high < most && !narrow(high)) [low, high] = [high, Math.min(most, 2 * high)];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (narrow(middle)) high = middle; else low = middle;
    }
    return high;
  }

  // Answers that a threshold needs at least, and by how many standard errors the curve has to be above it (80 % confidence on one side):
  // chosen on made populations, scripts/measure-thresholds.mjs.
  const LEAST = 10, SURE = 0.84;
  const logit = score => Math.log(score / (1 - score));
  const spread = score => logit(Math.min(0.999, Math.max(0.001, score)));
  const sigmoid = x => 1 / (1 + Math.exp(-x));

  // Logistic regression of right and wrong on the log-odds of the score; `points` are { score, right }. The slope is never negative, and
  // a weak prior (slope 1, no shift) decides where there are few answers. `at(score)` is the precision at a score; `threshold(wanted)` is
  // { score, all }: from which score on detections are right with at least that probability, and whether all are; or { score: null, reason }.
  function calibrate(points) {
    const known = points.filter(point => Number.isFinite(point.score));
    const n = known.length, right = known.filter(point => point.right).length;
    const xs = known.map(point => spread(point.score));
    // Platt's targets keep a separable set from giving an endless slope.
    const targets = [1 / (n - right + 2), (right + 1) / (right + 2)];
    const PRIOR = 0.1;
    let covariance = [0, 0, 0];
    // What is maximized, but for a constant.
    const likelihood = (a, b) => xs.reduce((sum, x, i) => {
      const z = a + b * x;
      return sum + targets[known[i].right ? 1 : 0] * z - Math.max(z, 0) - Math.log1p(Math.exp(-Math.abs(z)));
    }, -PRIOR / 2 * (a * a + (b - 1) ** 2));
    const fit = slopeIsFree => {
      let [a, b] = [0, slopeIsFree ? 1 : 0], best = likelihood(a, b);
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
        covariance = slopeIsFree ? [h11 / determinant, -h01 / determinant, h00 / determinant] : [1 / h00, 0, 0];
        const [da, db] = slopeIsFree ? [(h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant] : [g0 / h00, 0];
        // Newton's step may overshoot; half of it, or less, does not.
        let cut = 1, next = likelihood(a + da, b + db);
        while (next < best && cut > 1e-9) {
          cut /= 2;
          next = likelihood(a + cut * da, b + cut * db);
        }
        if (!(next > best)) break;
        [a, b, best] = [a + cut * da, b + cut * db, next];
      }
      return [a, b];
    };
    let [a, b] = fit(true);
    if (!(b > 0)) [a, b] = fit(false);
    const at = score => sigmoid(a + b * spread(score));
    const scores = known.map(point => point.score).sort((one, other) => one - other);
    // The probability at a score, or an end of its interval, by the delta method.
    const bound = (score, z) => {
      const x = spread(score);
      return sigmoid(a + b * x + z * Math.sqrt(Math.max(0, covariance[0] + 2 * x * covariance[1] + x * x * covariance[2])));
    };
    function threshold(wanted) {
      const none = reason => ({ score: null, reason });
      if (n < LEAST) return none("needs " + (LEAST - n) + " more");
      if (at(scores[n - 1]) < wanted) return none("no score reaches it");
      const sure = scores.filter(score => bound(score, -SURE) >= wanted);
      if (sure.length === 0) return none("needs more answers");
      return { score: sure[0], all: sure.length === n };
    }
    return { n, right, intercept: a, slope: b, at, threshold };
  }

  return { interval, more, calibrate, beta };
})();
