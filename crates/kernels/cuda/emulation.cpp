// Launches kernels on the CPU: see emulation.h.
#include "emulation.h"

#include <ucontext.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <vector>

thread_local uint3 threadIdx, blockIdx;
thread_local dim3 blockDim, gridDim;

namespace emulation {
namespace {

enum class State { ready, at_block_barrier, at_warp_barrier, done };

struct Fiber {
    ucontext_t context;
    State state;
    std::vector<char> stack;
};

struct Kernel {
    void (*kernel)();
    Body body;
    size_t n_arguments;
};

std::map<std::string, Kernel>& kernels() {
    static std::map<std::string, Kernel> all;
    return all;
}

std::mutex launching;
std::vector<Fiber> fibers;
std::vector<uint32_t> slots;
ucontext_t scheduler;
unsigned current;
const Kernel* running;
void** running_arguments;

constexpr size_t STACK = 64 << 10;

void start() {
    running->body(running->kernel, running_arguments);
    fibers[current].state = State::done;
    swapcontext(&fibers[current].context, &scheduler);
}

void wait(State state) {
    const unsigned self = current;
    fibers[self].state = state;
    swapcontext(&fibers[self].context, &scheduler);
    threadIdx.x = self;
}

// Those from `first` to `end` go on if all of them that are not done wait at that barrier.
bool release(unsigned first, unsigned end, State barrier) {
    bool any = false;
    for (unsigned i = first; i < end; i++) {
        if (fibers[i].state == State::done) continue;
        if (fibers[i].state != barrier) return false;
        any = true;
    }
    for (unsigned i = first; any && i < end; i++) {
        if (fibers[i].state == barrier) fibers[i].state = State::ready;
    }
    return any;
}

void run_block(unsigned n_threads, bool backward) {
    for (unsigned i = 0; i < n_threads; i++) {
        Fiber& fiber = fibers[i];
        fiber.state = State::ready;
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.data();
        fiber.context.uc_stack.ss_size = fiber.stack.size();
        fiber.context.uc_link = nullptr;
        makecontext(&fiber.context, start, 0);
    }
    for (;;) {
        bool ran = false, all_done = true;
        for (unsigned turn = 0; turn < n_threads; turn++) {
            const unsigned i = backward ? n_threads - 1 - turn : turn;
            if (fibers[i].state == State::ready) {
                current = i;
                threadIdx.x = i;
                swapcontext(&scheduler, &fibers[i].context);
                ran = true;
            }
            all_done = all_done && fibers[i].state == State::done;
        }
        if (all_done) return;
        bool released = release(0, n_threads, State::at_block_barrier);
        for (unsigned first = 0; first < n_threads; first += 32) {
            released = release(first, first + 32, State::at_warp_barrier) || released;
        }
        if (!ran && !released) fail("threads wait at different barriers for ever");
    }
}

}  // namespace

void add(const char* name, void (*kernel)(), Body body, size_t n_arguments) {
    kernels()[name] = Kernel{kernel, body, n_arguments};
}

void block_barrier() { wait(State::at_block_barrier); }
void warp_barrier() { wait(State::at_warp_barrier); }
uint32_t& exchanged(unsigned lane) { return slots[current / 32 * 32 + lane]; }

void fail(const char* what) {
    std::fprintf(stderr, "emulation: %s\n", what);
    std::abort();
}

}  // namespace emulation

// 0; 1: there is no such kernel; 2: it has another number of arguments; 3: a block is not of whole warps.
extern "C" int barkbird_emulated_launch(const char* name, unsigned grid_x, unsigned grid_y, unsigned block,
                                        void** arguments, size_t n_arguments, bool backward) {
    using namespace emulation;
    const auto found = kernels().find(name);
    if (found == kernels().end()) return 1;
    if (found->second.n_arguments != n_arguments) return 2;
    if (block == 0 || block > 1024 || block % 32 != 0) return 3;
    const std::lock_guard<std::mutex> lock(launching);
    if (fibers.size() < block) {
        fibers.resize(block);
        for (Fiber& fiber : fibers) fiber.stack.resize(STACK);
    }
    slots.assign(block, 0);
    running = &found->second;
    running_arguments = arguments;
    gridDim = {grid_x, grid_y, 1};
    blockDim = {block, 1, 1};
    threadIdx = {0, 0, 0};
    for (unsigned y = 0; y < grid_y; y++) {
        for (unsigned x = 0; x < grid_x; x++) {
            blockIdx = {backward ? grid_x - 1 - x : x, backward ? grid_y - 1 - y : y, 0};
            run_block(block, backward);
        }
    }
    return 0;
}

// The kernels themselves.
#include "columns.cu"
#include "heads.cu"
#include "norm.cu"
#include "adamw.cu"
#include "block.cu"
#include "patches.cu"
#include "pools.cu"
#include "separable.cu"
#include "clips.cu"
