// Attention between its products: heads are split off and put together again, and rows of pairs go through softmax.
#include "common.cuh"
#define BODY "heads.cuh"
#include "both.cuh"
