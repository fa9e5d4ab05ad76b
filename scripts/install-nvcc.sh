#!/usr/bin/env bash
# NVIDIA's compiler and the libraries that a CUDA build links, from PyPI, for a machine without a CUDA toolkit: 1.3 GB.
#
#     eval "$(scripts/install-nvcc.sh DIR)"
#
# DIR: a folder for them; what is there already is left as it is. Prints the variables to export; the rest goes to stderr.
# Without a driver (libcuda.so) DIR gets a stand-in that links and answers every call with "no device": with it a program is
# built and runs on the CPU. The libraries are under NVIDIA's license (https://docs.nvidia.com/cuda/eula/).
set -euo pipefail
. "$(dirname "$0")/lib.sh"
dir=$(realpath -m "${1:?usage: scripts/install-nvcc.sh DIR}")
# Those of CUDA 13.0, the version that the program was run with.
packages=(nvidia-cuda-nvcc==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-cccl==13.0.85
  nvidia-cuda-runtime==13.0.96 nvidia-cuda-nvrtc==13.0.88 nvidia-cublas==13.0.2.14 nvidia-curand==10.4.0.35)
home=$dir/nvidia/cu13

if [ ! -x "$home/bin/nvcc" ]; then
  python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$dir" "${packages[@]}" >&2
fi
# Linkers look for names without a version, and in lib64.
for library in "$home"/lib/lib*.so.*; do
  name=${library%.so.*}.so
  [ -e "$name" ] || ln -s "$(basename "$library")" "$name"
done
[ -e "$home/lib64" ] || ln -s lib "$home/lib64"

# The driver: the machine's own, else every function of its header, which says CUDA_ERROR_NO_DEVICE.
stub=$home/lib/stubs
driver=$(ldconfig -p 2>/dev/null | awk '/libcuda\.so\.1 /{ print $NF; exit }')
mkdir -p "$stub"
if [ -n "$driver" ]; then
  ln -sf "$driver" "$stub/libcuda.so"
  run=$home/lib
else
  if [ ! -e "$stub/libcuda.so.1" ]; then
    grep -ohE '\bcu[A-Z][A-Za-z0-9_]*' "$home/include/cuda.h" | sort -u | sed 's/.*/int &(void) { return 100; }/' >"$stub/cuda.c"
    cc -shared -fPIC -Wl,-soname,libcuda.so.1 -o "$stub/libcuda.so.1" "$stub/cuda.c"
    ln -sf libcuda.so.1 "$stub/libcuda.so"
  fi
  run=$home/lib:$stub
fi

echo "export CUDA_HOME='$home' CUDA_PATH='$home' NVCC='$home/bin/nvcc'"
echo "export PATH='$home/bin':\"\$PATH\""
echo "export LIBRARY_PATH='$home/lib:$stub'\"\${LIBRARY_PATH:+:\$LIBRARY_PATH}\""
echo "export LD_LIBRARY_PATH='$run'\"\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}\""
echo "export CUDA_COMPUTE_CAP=\"\${CUDA_COMPUTE_CAP:-90}\""
