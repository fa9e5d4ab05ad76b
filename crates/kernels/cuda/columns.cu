// What is done to each value of rows by its column, and sums of columns.
#include "common.cuh"
#define BODY "columns.cuh"
#include "both.cuh"
