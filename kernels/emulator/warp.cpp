// Operations in which the lanes of a warp exchange something: shuffles, votes, ldmatrix, mma.sync.
//
// Every lane brings its part when it arrives and waits; the last to arrive computes for the whole warp and lets all go on. None
// of them orders memory: what ldmatrix reads of shared memory, it reads when the lane that gave the address arrives. A row
// that another lane writes later, for want of a warp_barrier, is therefore seen unwritten (with 32 lanes in shuffled order
// and rows written by other lanes than name them, all but surely).
// Modelled: lanes that have returned or never were give NaN (0xffffffff) to a shuffle and nothing to a vote; ldmatrix and mma
// want all 32 lanes; lanes that meet in different operations, or the same one from different lines, are an error.
// Not modelled: the order in which tensor cores add (here: k ascending, fused multiply-adds, float).
#pragma GCC optimize("O3")
#pragma GCC target("arch=x86-64-v3")
#include "block.h"

#include <cstring>

namespace ldae_emulator {

const char* name_of(WarpOperation operation) {
    switch (operation) {
        case WarpOperation::barrier: return "warp_barrier";
        case WarpOperation::shuffle: return "shuffle";
        case WarpOperation::ballot: return "a vote of the warp";
        case WarpOperation::load_matrix: return "load_matrix";
        case WarpOperation::mma: return "mma_bf16_16x8x16";
        default: return "nothing";
    }
}

namespace {

constexpr int LaunchFailed = 719;
constexpr unsigned Nothing = 0xffffffffu;

void complete_shuffle(WarpState* warp) {
    for (int lane = 0; lane < WarpLanes; lane++) {
        int source = warp->source[lane];
        warp->result[lane] = warp->present >> source & 1 ? warp->value[source] : Nothing;
    }
}

void complete_ballot(WarpState* warp) {
    unsigned votes = 0;
    for (int lane = 0; lane < WarpLanes; lane++) {
        if (warp->present >> lane & 1 && warp->value[lane] != 0) votes |= 1u << lane;
    }
    for (unsigned& result : warp->result) result = votes;
}

void complete_load_matrix(WarpState* warp) {
    int count = warp->variant & 7;
    bool transposed = (warp->variant & 8) != 0;
    for (int lane = 0; lane < WarpLanes; lane++) {
        for (int m = 0; m < count; m++) {
            uint16_t low, high;
            int row = lane / 4, column = 2 * (lane % 4);
            if (transposed) {
                memcpy(&low, warp->row[8 * m + column] + 2 * row, 2);
                memcpy(&high, warp->row[8 * m + column + 1] + 2 * row, 2);
            } else {
                memcpy(&low, warp->row[8 * m + row] + 2 * column, 2);
                memcpy(&high, warp->row[8 * m + row] + 2 * column + 2, 2);
            }
            warp->registers[lane][m] = low | static_cast<unsigned>(high) << 16;
        }
    }
}

float low_of(unsigned pair) {
    unsigned bits = pair << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

float high_of(unsigned pair) {
    unsigned bits = pair & 0xffff0000u;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

void complete_mma(WarpState* warp) {
    typedef float Row __attribute__((vector_size(32)));
    float a[16][16];
    union { Row row; float value[8]; } b[16], d[16];
    for (int lane = 0; lane < WarpLanes; lane++) {
        int g = lane / 4, t = 2 * (lane % 4);
        const unsigned *ra = warp->a[lane], *rb = warp->b[lane];
        const float* rd = warp->d[lane];
        a[g][t] = low_of(ra[0]), a[g][t + 1] = high_of(ra[0]);
        a[g + 8][t] = low_of(ra[1]), a[g + 8][t + 1] = high_of(ra[1]);
        a[g][t + 8] = low_of(ra[2]), a[g][t + 9] = high_of(ra[2]);
        a[g + 8][t + 8] = low_of(ra[3]), a[g + 8][t + 9] = high_of(ra[3]);
        b[t].value[g] = low_of(rb[0]), b[t + 1].value[g] = high_of(rb[0]);
        b[t + 8].value[g] = low_of(rb[1]), b[t + 9].value[g] = high_of(rb[1]);
        d[g].value[t] = rd[0], d[g].value[t + 1] = rd[1];
        d[g + 8].value[t] = rd[2], d[g + 8].value[t + 1] = rd[3];
    }
    for (int i = 0; i < 16; i++) {
        Row sum = d[i].row;
        for (int k = 0; k < 16; k++) sum += a[i][k] * b[k].row;
        d[i].row = sum;
    }
    for (int lane = 0; lane < WarpLanes; lane++) {
        int g = lane / 4, t = 2 * (lane % 4);
        float* rd = warp->d[lane];
        rd[0] = d[g].value[t], rd[1] = d[g].value[t + 1];
        rd[2] = d[g + 8].value[t], rd[3] = d[g + 8].value[t + 1];
    }
}

void complete(WarpState* warp) {
    switch (warp->operation) {
        case WarpOperation::shuffle: complete_shuffle(warp); break;
        case WarpOperation::ballot: complete_ballot(warp); break;
        case WarpOperation::load_matrix: complete_load_matrix(warp); break;
        case WarpOperation::mma: complete_mma(warp); break;
        default: break;
    }
    warp->arrived = 0;
    warp->operation = WarpOperation::none;
}

bool wants_all_lanes(WarpOperation operation) {
    return operation == WarpOperation::load_matrix || operation == WarpOperation::mma;
}

// The first half of every operation: checks that the lanes of the warp are in the same one. What the lane brings is
// stored between this and `meet`.
WarpState* arrive(ThreadState* thread, WarpOperation operation, int variant, Site site) {
    WarpState* warp = &thread->worker->warps[thread->warp];
    if (warp->arrived == 0) {
        warp->operation = operation;
        warp->variant = variant;
        warp->site = site;
        warp->present = 0;
    } else if (warp->operation != operation || warp->variant != variant || warp->site.line != site.line ||
               strcmp(warp->site.file, site.file) != 0) {
        fail(thread, site, LaunchFailed, std::string("lanes of one warp meet in different operations: ") + name_of(warp->operation) +
             " at line " + std::to_string(warp->site.line) + " and " + name_of(operation));
    }
    if (wants_all_lanes(operation) && warp->alive < WarpLanes) {
        fail(thread, site, LaunchFailed, std::string(name_of(operation)) + " wants 32 lanes, the warp has " + std::to_string(warp->alive));
    }
    warp->present |= 1u << thread->lane;
    return warp;
}

// The second half: waits for the others, or completes the operation as the last.
void meet(ThreadState* thread, WarpState* warp, Site site) {
    if (++warp->arrived < warp->alive) {
        wait(thread, site, name_of(warp->operation));
        return;
    }
    complete(warp);
    release_warp(thread->worker, warp);
}

void warp_barrier(Thread* base, Site site) {
    ThreadState* thread = state_of(base);
    meet(thread, arrive(thread, WarpOperation::barrier, 0, site), site);
}

unsigned shuffle(Thread* base, unsigned value, int source, Site site) {
    ThreadState* thread = state_of(base);
    WarpState* warp = arrive(thread, WarpOperation::shuffle, 0, site);
    warp->value[thread->lane] = value;
    warp->source[thread->lane] = source;
    meet(thread, warp, site);
    return warp->result[thread->lane];
}

unsigned ballot(Thread* base, bool predicate, Site site) {
    ThreadState* thread = state_of(base);
    WarpState* warp = arrive(thread, WarpOperation::ballot, 0, site);
    warp->value[thread->lane] = predicate;
    meet(thread, warp, site);
    return warp->result[thread->lane];
}

void load_matrix(Thread* base, unsigned* registers, const void* row, int count, bool transposed, Site site) {
    ThreadState* thread = state_of(base);
    WarpState* warp = arrive(thread, WarpOperation::load_matrix, count | (transposed ? 8 : 0), site);
    warp->registers[thread->lane] = registers;
    if (thread->lane < 8 * count) {
        check_shared(thread, row, 16, site, "load_matrix");
        memcpy(warp->row[thread->lane], row, 16);
    }
    meet(thread, warp, site);
}

void mma_bf16(Thread* base, float* d, const unsigned* a, const unsigned* b, Site site) {
    ThreadState* thread = state_of(base);
    WarpState* warp = arrive(thread, WarpOperation::mma, 0, site);
    warp->d[thread->lane] = d;
    warp->a[thread->lane] = a;
    warp->b[thread->lane] = b;
    meet(thread, warp, site);
}

}  // namespace

void warp_lane_returned(ThreadState* thread) {
    WarpState* warp = &thread->worker->warps[thread->warp];
    warp->alive--;
    if (warp->arrived == 0 || wants_all_lanes(warp->operation)) return;  // the latter ends as a wait for ever
    if (warp->arrived == warp->alive) {
        complete(warp);
        release_warp(thread->worker, warp);
    }
}

const Hooks hooks = {block_barrier, warp_barrier, shuffle, ballot, copy_async, copy_async_commit, copy_async_wait, load_matrix, mma_bf16};

}  // namespace ldae_emulator
