//! Metrics to tables, SVG and one self-contained HTML file.
