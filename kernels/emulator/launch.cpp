// The pool of OS threads that runs the blocks of a launch, and the tasks of a matrix product.
//
// A launch is run to its end before the call returns: streams and events have nothing to wait for. Blocks are dealt to the
// pool's threads in shuffled order. A fault in a kernel (a guard page, a division by zero) ends the launch with an error
// that names it; other faults go to the previous handler.
// Not modelled: kernels that run beside each other, or beside the host.
#include "block.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <numeric>
#include <thread>

namespace ldae_emulator {
namespace {

thread_local Worker* current_worker;  // of the pool's threads
struct sigaction previous_segv, previous_bus, previous_fpe;

void on_fault(int signal, siginfo_t* information, void* context) {
    Worker* worker = current_worker;
    if (worker != nullptr && worker->running != nullptr) {
        worker->fault_signal = signal;
        worker->fault_address = information->si_addr;
        worker->fault_instruction =
            reinterpret_cast<void*>(static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
#if LDAE_SANITIZED
        void* abandoned;
        __sanitizer_start_switch_fiber(&abandoned, worker->main.stack, worker->main.stack_bytes);
#endif
        siglongjmp(worker->recovery, 1);
    }
    struct sigaction* previous = signal == SIGSEGV ? &previous_segv : signal == SIGBUS ? &previous_bus : &previous_fpe;
    if (previous->sa_flags & SA_SIGINFO) {
        previous->sa_sigaction(signal, information, context);
    } else if (previous->sa_handler != SIG_DFL && previous->sa_handler != SIG_IGN) {
        previous->sa_handler(signal);
    } else {
        ::signal(signal, SIG_DFL);  // the instruction runs again, and this time ends the process
    }
}

uint64_t environment_number(const char* name, uint64_t otherwise) {
    const char* text = getenv(name);
    return text != nullptr && *text != 0 ? strtoull(text, nullptr, 10) : otherwise;
}

class Pool {
public:
    Pool() {
        size_ = static_cast<int>(std::max<uint64_t>(1, environment_number("LDAE_EMULATOR_THREADS", std::thread::hardware_concurrency())));
        struct sigaction action {};
        action.sa_sigaction = on_fault;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
        sigemptyset(&action.sa_mask);
        sigaction(SIGSEGV, &action, &previous_segv);
        sigaction(SIGBUS, &action, &previous_bus);
        sigaction(SIGFPE, &action, &previous_fpe);
        for (int i = 0; i < size_; i++) std::thread([this, i] { serve(i); }).detach();
    }

    int size() const { return size_; }

    // Runs job(worker) on `threads` of the pool's threads and returns when all have.
    void run(int threads, const std::function<void(Worker*)>& job) {
        std::lock_guard<std::mutex> one_caller(callers_);
        std::unique_lock<std::mutex> lock(mutex_);
        job_ = &job;
        wanted_ = running_ = std::min(threads, size_);
        round_++;
        wake_.notify_all();
        done_.wait(lock, [this] { return running_ == 0; });
        job_ = nullptr;
    }

private:
    void serve(int number) {
        sigset_t signals;  // the host's signals are the host's threads' business
        sigfillset(&signals);
        for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) sigdelset(&signals, fault);
        pthread_sigmask(SIG_SETMASK, &signals, nullptr);
        pthread_setname_np(pthread_self(), "ldae-emulator");
        stack_t signal_stack {};
        signal_stack.ss_size = 256 * 1024;
        signal_stack.ss_sp = malloc(signal_stack.ss_size);
        sigaltstack(&signal_stack, nullptr);
        Worker* worker = create_worker(environment_number("LDAE_EMULATOR_SEED", 1) * 1000 + static_cast<uint64_t>(number));
        current_worker = worker;
        uint64_t seen = 0;
        for (;;) {
            const std::function<void(Worker*)>* job;
            {
                std::unique_lock<std::mutex> lock(mutex_);
                wake_.wait(lock, [&] { return round_ != seen && (wanted_ > 0 || job_ == nullptr); });
                seen = round_;
                if (job_ == nullptr || wanted_ == 0) continue;
                wanted_--;
                job = job_;
            }
            (*job)(worker);
            std::lock_guard<std::mutex> lock(mutex_);
            if (--running_ == 0) done_.notify_all();
        }
    }

    int size_;
    std::mutex callers_, mutex_;
    std::condition_variable wake_, done_;
    const std::function<void(Worker*)>* job_ = nullptr;
    int wanted_ = 0, running_ = 0;
    uint64_t round_ = 0;
};

Pool& pool() {
    static Pool* pool = new Pool();  // lives as long as its threads: to the end of the process
    return *pool;
}

// A step through 0..count-1 that visits each block once and looks like no order a kernel could rely on.
struct BlockOrder {
    uint64_t count, first, step;
    explicit BlockOrder(uint64_t blocks) : count(blocks) {
        static std::atomic<uint64_t> launches{0};
        uint64_t random = (environment_number("LDAE_EMULATOR_SEED", 1) + launches++) * 0x9e3779b97f4a7c15u;
        first = (random >> 20) % count;
        step = (random >> 7) % count | 1;
        while (std::gcd(step, count) != 1) step++;
    }
    uint64_t operator[](uint64_t i) const {
        return static_cast<uint64_t>((static_cast<unsigned __int128>(i) * step + first) % count);
    }
};

}  // namespace

int pool_size() { return pool().size(); }

Failure run_launch(const Launch& launch) {
    uint64_t blocks = static_cast<uint64_t>(launch.grid.x) * launch.grid.y * launch.grid.z;
    BlockOrder order(blocks);
    std::atomic<uint64_t> next{0};
    std::mutex mutex;
    Failure failure;
    pool().run(static_cast<int>(std::min<uint64_t>(blocks, static_cast<uint64_t>(pool_size()))), [&](Worker* worker) {
        begin_launch(worker, &launch);
        for (uint64_t i = next++; i < blocks; i = next++) {
            uint64_t number = order[i];
            uint3 index = {static_cast<unsigned>(number % launch.grid.x), static_cast<unsigned>(number / launch.grid.x % launch.grid.y),
                           static_cast<unsigned>(number / launch.grid.x / launch.grid.y)};
            if (run_block(worker, index)) continue;
            next = blocks;
            std::lock_guard<std::mutex> lock(mutex);
            if (failure.status == 0) failure = worker->failure;
        }
    });
    return failure;
}

void run_tasks(int count, const std::function<void(int)>& task) {
    std::atomic<int> next{0};
    pool().run(std::min(count, pool_size()), [&](Worker*) {
        for (int i = next++; i < count; i = next++) task(i);
    });
}

}  // namespace ldae_emulator
