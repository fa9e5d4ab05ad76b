use super::emulated::Emulated;
use super::matrix::Matrix;
use super::multiply::multiply;
use super::pack::{Packed, TileRow, round};
use super::tiles::DEPTH;
use super::{Write, product};
use crate::Precision;

/// Values in -1..1.
fn values(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

/// `[M, K, N]`, with every remainder of blocks, panels and parts.
fn shapes() -> &'static [[usize; 3]] {
    if cfg!(miri) {
        return &[[1, 1, 1], [17, 3, 33]];
    }
    &[
        [1, 1, 1],
        [3, 2, 5],
        [16, 32, 16],
        [32, 64, 32],
        [17, 33, 31],
        [33, 5, 65],
        [64, 31, 1],
        [1, 100, 40],
        [150, 7, 300],
    ]
}

/// A product with its operands: as they lie, and of transposed copies.
fn operands<'a>(case: &'a [Vec<f32>; 4], [m, k, n]: [usize; 3], form: usize) -> (Matrix<'a>, Matrix<'a>) {
    let matrix = |values, rows, columns| Matrix::new(values, rows, columns).unwrap();
    let a = if form & 1 == 0 { matrix(&case[0], m, k) } else { matrix(&case[1], k, m).transposed() };
    let b = if form & 2 == 0 { matrix(&case[2], k, n) } else { matrix(&case[3], n, k).transposed() };
    (a, b)
}

/// `a`, its transposed copy, `b`, its transposed copy.
fn case(a: Vec<f32>, b: Vec<f32>, [m, k, n]: [usize; 3]) -> [Vec<f32>; 4] {
    let turned = |x: &[f32], rows: usize, columns: usize| -> Vec<f32> {
        (0..rows * columns).map(|i| x[i % rows * columns + i / rows]).collect()
    };
    let (a_turned, b_turned) = (turned(&a, m, k), turned(&b, k, n));
    [a, a_turned, b, b_turned]
}

fn emulated(a: Matrix<'_>, b: Matrix<'_>, write: Write, c: &mut [f32]) {
    // SAFETY: plain Rust has these tiles everywhere, and every caller's shapes fit.
    unsafe { multiply::<Emulated>(a, b, write, c) }
}

#[test]
fn rounds_to_the_nearest_and_of_two_to_the_even_one() {
    let rounded = |value: f32| f32::from_bits(round(value) << 16);
    for exact in [0.0, -0.0, 1.0, -1.5, f32::INFINITY, f32::NEG_INFINITY, f32::MIN_POSITIVE] {
        assert_eq!(rounded(exact).to_bits(), exact.to_bits());
    }
    assert_eq!(rounded(1.0 + 1.0 / 256.0), 1.0);
    assert_eq!(rounded(1.0 + 3.0 / 256.0), 1.0 + 4.0 / 256.0);
    assert_eq!(rounded(1.0 + 1.01 / 256.0), 1.0 + 2.0 / 256.0);
    assert_eq!(rounded(f32::MAX), f32::INFINITY);
    for nan in [f32::NAN, f32::from_bits(0x7F80_0001), f32::from_bits(0xFFFF_FFFF)] {
        assert!(rounded(nan).is_nan());
        assert_eq!(rounded(nan).is_sign_negative(), nan.is_sign_negative());
    }
}

#[test]
fn operands_lie_where_tiles_want_them() {
    let (n_vectors, depth) = (35, 45);
    let of = values(n_vectors * depth, 1);
    let turned = case(of.clone(), vec![], [n_vectors, depth, 0])[1].clone();
    let lying = Matrix::new(&of, n_vectors, depth).unwrap();
    let standing = Matrix::new(&turned, depth, n_vectors).unwrap().transposed();
    for matrix in [lying, standing] {
        for row in [TileRow::Vector, TileRow::Pair] {
            let packed = Packed::new(matrix, row);
            assert_eq!(packed.n_panels(), 2);
            for (i, tile) in (0..2).flat_map(|panel| packed.panel(panel)).enumerate() {
                let (panel, block, half) = (i / 4, i / 2 % 2, i % 2);
                for (at, &pair) in tile.0.as_flattened().iter().enumerate() {
                    let (vector, k) = if row == TileRow::Vector { (at / 16, at % 16) } else { (at % 16, at / 16) };
                    let (vector, k) = (32 * panel + 16 * half + vector, DEPTH * block + 2 * k);
                    let at = |k| if vector < n_vectors && k < depth { round(of[vector * depth + k]) } else { 0 };
                    assert_eq!(pair, at(k) | at(k + 1) << 16);
                }
            }
        }
    }
}

#[test]
fn is_as_exact_as_its_factors() {
    for &[m, k, n] in shapes() {
        let case = case(values(m * k, 1), values(k * n, 2), [m, k, n]);
        let before = values(m * n, 3);
        for form in 0..4 {
            let (a, b) = operands(&case, [m, k, n], form);
            for write in [Write::Replace, Write::Add] {
                let mut c = if write == Write::Add { before.clone() } else { vec![f32::NAN; m * n] };
                emulated(a, b, write, &mut c);
                for (i, &got) in c.iter().enumerate() {
                    let start = if write == Write::Add { f64::from(before[i]) } else { 0.0 };
                    let factors = |j| (f64::from(case[0][i / n * k + j]), f64::from(case[2][j * n + i % n]));
                    let (mut exact, mut size) = (start, 0.0);
                    for (a, b) in (0..k).map(factors) {
                        exact += a * b;
                        size += (a * b).abs();
                    }
                    // Each factor is off by up to 2^-8 of itself, and the sum by what `f32` rounds.
                    let bound = size * (1.0f64 + 1.0 / 256.0).powi(2) - size + (size + start.abs()) * 1e-6;
                    assert!(
                        (f64::from(got) - exact).abs() <= bound,
                        "{m} x {k} x {n}, {form}, {write:?}: {got}, {exact}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let [m, k, n] = if cfg!(miri) { [3, 5, 129] } else { [270, 70, 150] };
    let (a, b) = (values(m * k, 1), values(k * n, 2));
    let run = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        let mut c = vec![0.0; m * n];
        let (a, b) = (Matrix::new(&a, m, k).unwrap(), Matrix::new(&b, k, n).unwrap());
        pool.install(|| emulated(a, b, Write::Add, &mut c));
        c
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(3));
}

#[test]
fn what_is_not_finite_stays_visible() {
    let [m, k, n] = [20, 40, 35];
    for (special, expected) in [(f32::NAN, f32::NAN), (f32::INFINITY, f32::INFINITY), (f32::MAX, f32::INFINITY)] {
        let (mut a, b) = (vec![1.0; m * k], vec![1.0; k * n]);
        a[7 * k + 39] = special;
        let mut c = vec![0.0; m * n];
        emulated(Matrix::new(&a, m, k).unwrap(), Matrix::new(&b, k, n).unwrap(), Write::Replace, &mut c);
        for (row, values) in c.chunks_exact(n).enumerate() {
            let expected = if row == 7 { expected } else { k as f32 };
            assert!(values.iter().all(|v| v.is_nan() == expected.is_nan() && (v.is_nan() || *v == expected)));
        }
    }
}

#[test]
fn without_k_there_is_nothing_to_add() {
    let (a, b) = (Matrix::new(&[], 2, 0).unwrap(), Matrix::new(&[], 0, 3).unwrap());
    let mut c = [1.0; 6];
    emulated(a, b, Write::Add, &mut c);
    assert_eq!(c, [1.0; 6]);
    emulated(a, b, Write::Replace, &mut c);
    assert_eq!(c, [0.0; 6]);
    emulated(Matrix::new(&[], 0, 2).unwrap(), Matrix::new(&[0.0; 2], 2, 1).unwrap(), Write::Replace, &mut []);
}

#[test]
fn wrong_shapes_are_named() {
    let message = |rows, columns, n| {
        let (a, b) = ([0.0; 6], vec![0.0; rows * columns]);
        let (a, b) = (Matrix::new(&a, 2, 3).unwrap(), Matrix::new(&b, rows, columns).unwrap());
        product(a, b, Write::Replace, &mut vec![0.0; n]).unwrap_err().to_string()
    };
    assert!(message(2, 4, 8).contains("bf16 product: b: expected [3, N], got [2, 4]"));
    assert!(message(3, 4, 9).contains("bf16 product: c: expected 2 x 4 values, got 9"));
    assert!(Matrix::new(&[0.0], 2, 3).unwrap_err().to_string().contains("expected 2 x 3 values, got 1"));
}

/// The real tiles, where there are any, against the emulated ones.
#[test]
fn the_processor_does_what_the_emulation_does() {
    if !Precision::Bf16.is_available() {
        let (a, mut c) = (Matrix::new(&[0.0], 1, 1).unwrap(), [0.0]);
        assert!(product(a, a, Write::Replace, &mut c).unwrap_err().to_string().contains("AMX"));
        return;
    }
    for &[m, k, n] in shapes() {
        let (mut a, mut b) = (values(m * k, 1), values(k * n, 2));
        // Values near the smallest ones, so that factors, products and sums below them are met.
        a.iter_mut().skip(5).step_by(7).for_each(|v| *v *= 2f32.powi(-70));
        b.iter_mut().skip(3).step_by(5).for_each(|v| *v *= 2f32.powi(-58));
        b.iter_mut().skip(4).step_by(11).for_each(|v| *v *= 2f32.powi(-126));
        let case = case(a, b, [m, k, n]);
        for form in 0..4 {
            let (a, b) = operands(&case, [m, k, n], form);
            for write in [Write::Replace, Write::Add] {
                let mut expected = values(m * n, 3);
                let mut got = expected.clone();
                emulated(a, b, write, &mut expected);
                product(a, b, write, &mut got).unwrap();
                let bits = |c: &[f32]| c.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&got), bits(&expected), "{m} x {k} x {n}, {form}, {write:?}");
            }
        }
    }
}
