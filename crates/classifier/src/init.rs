use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The initial values of a parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// All values equal.
    Constant(f32),
    /// Normal with mean 0.
    Normal {
        /// Standard deviation.
        std: f64,
    },
    /// Uniform in `[-bound, bound)`.
    Uniform {
        /// Largest magnitude.
        bound: f64,
    },
}

impl Init {
    /// `n` values from a generator that is seeded by (seed, name) only, so that the order in which a model defines its
    /// parameters does not matter.
    pub fn draw(self, n: usize, seed: u64, name: &str) -> Vec<f32> {
        let mut random = ChaCha8Rng::seed_from_u64(seed ^ fnv1a(name));
        match self {
            Self::Constant(value) => vec![value; n],
            Self::Uniform { bound } => (0..n).map(|_| random.random_range(-bound..bound) as f32).collect(),
            Self::Normal { std } => {
                let mut values = Vec::with_capacity(n + 1);
                while values.len() < n {
                    let (a, b) = normal_pair(&mut random);
                    values.push((a * std) as f32);
                    values.push((b * std) as f32);
                }
                values.truncate(n);
                values
            }
        }
    }
}

/// Two independent standard normal values (Box and Muller, 1958).
fn normal_pair(random: &mut impl Rng) -> (f64, f64) {
    let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
    let angle = std::f64::consts::TAU * random.random::<f64>();
    (radius * angle.cos(), radius * angle.sin())
}

/// 64-bit FNV-1a of a name: stable between versions and platforms, unlike the standard library's hasher.
fn fnv1a(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depends_on_seed_and_name_alone() {
        let init = Init::Normal { std: 1.0 };
        assert_eq!(init.draw(5, 1, "a"), init.draw(5, 1, "a"));
        assert_ne!(init.draw(5, 1, "a"), init.draw(5, 1, "b"));
        assert_ne!(init.draw(5, 1, "a"), init.draw(5, 2, "a"));
    }

    #[test]
    fn normal_has_its_moments() {
        let values = Init::Normal { std: 0.5 }.draw(20_001, 3, "w");
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / values.len() as f32;
        assert!(mean.abs() < 0.02, "{mean}");
        assert!((variance - 0.25).abs() < 0.01, "{variance}");
    }
}
