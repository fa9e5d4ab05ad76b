// Layer norm, alone and together with the addition before it.
#include "common.cuh"
#define BODY "norm.cuh"
#include "both.cuh"
