//! Minimization of a smooth convex function (L-BFGS).

/// Steps and gradient differences that are remembered.
const MEMORY: usize = 10;

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub struct Stop {
    /// Stop where no component of the gradient is larger.
    pub gradient: f64,
    /// Most steps.
    pub n_steps: usize,
}

/// The minimum of `function`, which returns value and gradient, starting at `start`.
///
/// L-BFGS with a backtracking line search. Source: Liu and Nocedal (1989), "On
/// the limited memory BFGS method for large scale optimization".
pub fn minimize(start: Vec<f64>, stop: Stop, function: impl Fn(&[f64]) -> (f64, Vec<f64>)) -> Vec<f64> {
    let mut at = start;
    let (mut value, mut gradient) = function(&at);
    let mut past: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
    for _ in 0..stop.n_steps {
        if gradient.iter().all(|slope| slope.abs() <= stop.gradient) {
            break;
        }
        let mut direction = descent(&gradient, &past);
        let mut slope = dot(&direction, &gradient);
        if slope >= 0.0 {
            past.clear();
            direction = gradient.iter().map(|slope| -slope).collect();
            slope = -dot(&gradient, &gradient);
        }
        let mut length = if past.is_empty() { 1.0 / dot(&gradient, &gradient).sqrt() } else { 1.0 };
        let moved = loop {
            let next: Vec<f64> = at.iter().zip(&direction).map(|(x, step)| x + length * step).collect();
            let (next_value, next_gradient) = function(&next);
            if next_value <= value + 1e-4 * length * slope {
                break Some((next, next_value, next_gradient));
            }
            length *= 0.5;
            if length < 1e-12 {
                break None;
            }
        };
        // No decrease that can be represented: this is the minimum.
        let Some((next, next_value, next_gradient)) = moved else { break };
        let step: Vec<f64> = next.iter().zip(&at).map(|(next, at)| next - at).collect();
        let change: Vec<f64> = next_gradient.iter().zip(&gradient).map(|(next, at)| next - at).collect();
        if dot(&step, &change) > 1e-12 * dot(&change, &change) {
            if past.len() == MEMORY {
                past.remove(0);
            }
            past.push((step, change));
        }
        (at, value, gradient) = (next, next_value, next_gradient);
    }
    at
}

/// Minus the gradient times the inverse Hessian that past steps approximate.
fn descent(gradient: &[f64], past: &[(Vec<f64>, Vec<f64>)]) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|slope| -slope).collect();
    let mut factors = Vec::with_capacity(past.len());
    for (step, change) in past.iter().rev() {
        let factor = dot(step, &direction) / dot(step, change);
        add(&mut direction, -factor, change);
        factors.push(factor);
    }
    if let Some((step, change)) = past.last() {
        let scale = dot(step, change) / dot(change, change);
        direction.iter_mut().for_each(|value| *value *= scale);
    }
    for ((step, change), factor) in past.iter().zip(factors.iter().rev()) {
        let correction = factor - dot(change, &direction) / dot(step, change);
        add(&mut direction, correction, step);
    }
    direction
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], factor: f64, what: &[f64]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += factor * what);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_valley() {
        let valley = |x: &[f64]| {
            let (a, b) = (x[0] - 1.0, x[1] + 2.0);
            (a * a + 1000.0 * b * b + (0.1 * x[0]).cosh(), vec![2.0 * a + 0.1 * (0.1 * x[0]).sinh(), 2000.0 * b])
        };
        let found = minimize(vec![30.0, 40.0], Stop { gradient: 1e-9, n_steps: 200 }, valley);
        assert!(valley(&found).1.iter().all(|slope| slope.abs() <= 1e-9), "{found:?}");
    }
}
