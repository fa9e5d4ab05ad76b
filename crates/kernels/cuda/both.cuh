// The kernels of BODY for both types.
#define VALUE float
#define NAME(name) name##_f32
#include BODY
#undef VALUE
#undef NAME
#define VALUE bf16
#define NAME(name) name##_bf16
#include BODY
#undef VALUE
#undef NAME
#undef BODY
