/* The words of kernels in GNU C: vectors as wide as registers, and what is done to them.

   Every function ends in the type that it gives or works on: `fma_f32x16`. A vector wider than VECTOR_BYTES
   is a pair of halves, which the kernels take apart themselves. A truth is 0 or 1; in a vector 0 or -1 in
   every lane, as wide as what it was found of (in memory a byte). What a compiler has no word for is done by
   halves, down to scalars; each operation rounds once, and nothing is contracted, so any way of doing it has
   the same bits. */

typedef signed char i8;
typedef unsigned char u8;
typedef short i16;
typedef unsigned short u16;
typedef float f32;
typedef double f64;
typedef int i32;
typedef long long i64;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned char truth8;

#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")

#define INLINE static inline __attribute__((always_inline, unused))
#define ALIGNED __attribute__((aligned(64)))
#define TILE static __attribute__((noinline, unused))

#if defined(__AVX2__)
#define MASKED 1
#else
#define MASKED 0
#endif
/* Whether masked loads and stores are instructions. */

#if defined(__x86_64__) && !defined(__clang__)
#define GCC_X86 1
#else
#define GCC_X86 0
#endif
/* Whether instructions are called by gcc's names for them; clang finds most of them by itself. */

/* Lanes by number. */

#define LANES_2 0, 1
#define LANES_4 LANES_2, 2, 3
#define LANES_8 LANES_4, 4, 5, 6, 7
#define LANES_16 LANES_8, 8, 9, 10, 11, 12, 13, 14, 15
#define UPPER_4 2, 3
#define UPPER_8 4, 5, 6, 7
#define UPPER_16 8, 9, 10, 11, 12, 13, 14, 15
#define EVENS_2 0, 2
#define EVENS_4 EVENS_2, 4, 6
#define EVENS_8 EVENS_4, 8, 10, 12, 14
#define EVENS_16 EVENS_8, 16, 18, 20, 22, 24, 26, 28, 30
#define ODDS_2 1, 3
#define ODDS_4 ODDS_2, 5, 7
#define ODDS_8 ODDS_4, 9, 11, 13, 15
#define ODDS_16 ODDS_8, 17, 19, 21, 23, 25, 27, 29, 31
#define ZIP_LOW_2 0, 2
#define ZIP_LOW_4 0, 4, 1, 5
#define ZIP_LOW_8 0, 8, 1, 9, 2, 10, 3, 11
#define ZIP_LOW_16 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define ZIP_HIGH_2 1, 3
#define ZIP_HIGH_4 2, 6, 3, 7
#define ZIP_HIGH_8 4, 12, 5, 13, 6, 14, 7, 15
#define ZIP_HIGH_16 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31

/* What there is of each type. `DO(element, integer as wide, half, lanes, ...)` */

#define OF_4_BYTES(DO, E) \
    DO(E, i32, E, 2) DO(E, i32, E##x2, 4) IF_32(DO(E, i32, E##x4, 8)) IF_64(DO(E, i32, E##x8, 16))
#define OF_8_BYTES(DO, E) DO(E, i64, E, 2) IF_32(DO(E, i64, E##x2, 4)) IF_64(DO(E, i64, E##x4, 8))
#define FLOATS(DO) OF_4_BYTES(DO, f32) OF_8_BYTES(DO, f64)
#define INTEGERS(DO) OF_4_BYTES(DO, i32) OF_8_BYTES(DO, i64)
#define NUMBERS(DO) FLOATS(DO) INTEGERS(DO)

#if VECTOR_BYTES >= 32
#define IF_32(X) X
#else
#define IF_32(X)
#endif
#if VECTOR_BYTES >= 64
#define IF_64(X) X
#else
#define IF_64(X)
#endif

#define TYPE(E, N, TO) \
    typedef E TO __attribute__((vector_size(N * sizeof(E)))); \
    typedef E TO##_any __attribute__((vector_size(N * sizeof(E)), aligned(sizeof(E)), may_alias));
#define TYPES(E, I, H, N) TYPE(E, N, E##x##N)
NUMBERS(TYPES)
OF_4_BYTES(TYPES, u32)
OF_8_BYTES(TYPES, u64)

#define PAIR(H, TO) \
    typedef struct { H low, high; } TO; \
    INLINE H low_##TO(TO v) { return v.low; } \
    INLINE H high_##TO(TO v) { return v.high; } \
    INLINE TO join_##TO(H a, H b) { return (TO){a, b}; }
#define PAIRS_FROM_32(E) PAIR(E##x16, E##x32) PAIR(E##x32, E##x64)
#if VECTOR_BYTES == 16
#define PAIRS(E4, E8) \
    PAIR(E4##x4, E4##x8) PAIR(E4##x8, E4##x16) PAIRS_FROM_32(E4) \
    PAIR(E8##x2, E8##x4) PAIR(E8##x4, E8##x8) PAIR(E8##x8, E8##x16) PAIRS_FROM_32(E8)
#elif VECTOR_BYTES == 32
#define PAIRS(E4, E8) \
    PAIR(E4##x8, E4##x16) PAIRS_FROM_32(E4) PAIR(E8##x4, E8##x8) PAIR(E8##x8, E8##x16) PAIRS_FROM_32(E8)
#else
#define PAIRS(E4, E8) PAIRS_FROM_32(E4) PAIR(E8##x8, E8##x16) PAIRS_FROM_32(E8)
#endif
PAIRS(f32, f64)
PAIRS(i32, i64)

/* Scalars, as what is done by halves ends in them. */

#define SCALAR(E, I, U, F) \
    INLINE E load_##E(const void *p) { return *(const E *)p; } \
    INLINE void store_##E(void *p, E v) { *(E *)p = v; } \
    INLINE E load_where_##E(const void *p, I m) { return m ? *(const E *)p : 0; } \
    INLINE void store_where_##E(void *p, I m, E v) { if (m) *(E *)p = v; } \
    INLINE E load_by_##E(const E *p, i64 by) { return *p; } \
    INLINE void store_by_##E(E *p, i64 by, E v) { *p = v; } \
    INLINE E load_by_where_##E(const E *p, i64 by, I m) { return m ? *p : 0; } \
    INLINE void store_by_where_##E(E *p, i64 by, I m, E v) { if (m) *p = v; } \
    INLINE E gather_##E(const E *p, i64 at) { return p[at]; } \
    INLINE void scatter_##E(E *p, i64 at, E v) { p[at] = v; } \
    INLINE E gather_where_##E(const E *p, i64 at, I m) { return m ? p[at] : 0; } \
    INLINE void scatter_where_##E(E *p, i64 at, I m, E v) { if (m) p[at] = v; } \
    INLINE E select_##E(i32 m, E a, E b) { return m ? a : b; }
SCALAR(f32, i32, u32, f)
SCALAR(f64, i64, u64, )
SCALAR(i32, i32, u32, )
SCALAR(i64, i64, u64, )

#define SCALAR_FLOAT(E, I, F) \
    INLINE I bits_##E(E a) { union { E number; I bits; } x = {a}; return x.bits; } \
    INLINE E from_bits_##E(I a) { union { I bits; E number; } x = {a}; return x.number; } \
    INLINE E abs_##E(E a) { return __builtin_fabs##F(a); } \
    INLINE E copysign_##E(E a, E b) { return __builtin_copysign##F(a, b); } \
    INLINE E floor_##E(E a) { return __builtin_floor##F(a); } \
    INLINE E ceil_##E(E a) { return __builtin_ceil##F(a); } \
    INLINE E round_##E(E a) { return __builtin_rint##F(a); } \
    INLINE E sqrt_##E(E a) { return __builtin_sqrt##F(a); } \
    INLINE E fma_##E(E a, E b, E c) { return __builtin_fma##F(a, b, c); }
SCALAR_FLOAT(f32, i32, f)
SCALAR_FLOAT(f64, i64, )

/* Vectors: as a whole, and their parts. `I##x##N` are truths. */

#define FROM(P, TO) *(const TO##_any *)(P)
#define PARTS_OF_2(E) \
    INLINE E low_##E##x2(E##x2 v) { return v[0]; } \
    INLINE E high_##E##x2(E##x2 v) { return v[1]; } \
    INLINE E##x2 join_##E##x2(E a, E b) { return (E##x2){a, b}; }
#define PARTS(E, H, N) \
    INLINE E##x##H low_##E##x##N(E##x##N v) { return __builtin_shufflevector(v, v, LANES_##H); } \
    INLINE E##x##H high_##E##x##N(E##x##N v) { return __builtin_shufflevector(v, v, UPPER_##N); } \
    INLINE E##x##N join_##E##x##N(E##x##H a, E##x##H b) { return __builtin_shufflevector(a, b, LANES_##N); }
#define EVERY_PART(E4, E8) \
    PARTS_OF_2(E4) PARTS_OF_2(E8) PARTS(E4, 2, 4) \
    IF_32(PARTS(E4, 4, 8) PARTS(E8, 2, 4)) IF_64(PARTS(E4, 8, 16) PARTS(E8, 4, 8))
EVERY_PART(f32, f64)
EVERY_PART(i32, i64)

#define WHOLE(E, I, H, N) \
    INLINE E##x##N splat_##E##x##N(E v) { return v - (E##x##N){0}; } \
    INLINE E##x##N load_##E##x##N(const void *p) { return FROM(p, E##x##N); } \
    INLINE void store_##E##x##N(void *p, E##x##N v) { *(E##x##N##_any *)p = v; } \
    INLINE E##x##N select_##E##x##N(I##x##N m, E##x##N a, E##x##N b) { \
        return (E##x##N)((m & (I##x##N)a) | (~m & (I##x##N)b)); \
    } \
    INLINE E##x##N evens_##E##x##N(E##x##N a, E##x##N b) { \
        return __builtin_shufflevector(a, b, EVENS_##N); \
    } \
    INLINE E##x##N odds_##E##x##N(E##x##N a, E##x##N b) { \
        return __builtin_shufflevector(a, b, ODDS_##N); \
    } \
    INLINE E##x##N zip_low_##E##x##N(E##x##N a, E##x##N b) { \
        return __builtin_shufflevector(a, b, ZIP_LOW_##N); \
    } \
    INLINE E##x##N zip_high_##E##x##N(E##x##N a, E##x##N b) { \
        return __builtin_shufflevector(a, b, ZIP_HIGH_##N); \
    }
NUMBERS(WHOLE)

/* What is done by halves: `name(low), name(high)`. */

#define HALVED(NAME, E, H, N) \
    INLINE E##x##N NAME##_##E##x##N(E##x##N a) { \
        return join_##E##x##N(NAME##_##H(low_##E##x##N(a)), NAME##_##H(high_##E##x##N(a))); \
    }
#define HALVED_THREE(NAME, E, H, N) \
    INLINE E##x##N NAME##_##E##x##N(E##x##N a, E##x##N b, E##x##N c) { \
        return join_##E##x##N( \
            NAME##_##H(low_##E##x##N(a), low_##E##x##N(b), low_##E##x##N(c)), \
            NAME##_##H(high_##E##x##N(a), high_##E##x##N(b), high_##E##x##N(c))); \
    }

/* Lanes that lie apart: `by` elements each from the one before, or at places of their own. */

#define APART(E, I, H, N) \
    INLINE E##x##N load_by_##E##x##N(const E *p, i64 by) { \
        return join_##E##x##N(load_by_##H(p, by), load_by_##H(p + N / 2 * by, by)); \
    } \
    INLINE void store_by_##E##x##N(E *p, i64 by, E##x##N v) { \
        store_by_##H(p, by, low_##E##x##N(v)); \
        store_by_##H(p + N / 2 * by, by, high_##E##x##N(v)); \
    } \
    INLINE E##x##N load_by_where_##E##x##N(const E *p, i64 by, I##x##N m) { \
        return join_##E##x##N( \
            load_by_where_##H(p, by, low_##I##x##N(m)), \
            load_by_where_##H(p + N / 2 * by, by, high_##I##x##N(m))); \
    } \
    INLINE void store_by_where_##E##x##N(E *p, i64 by, I##x##N m, E##x##N v) { \
        store_by_where_##H(p, by, low_##I##x##N(m), low_##E##x##N(v)); \
        store_by_where_##H(p + N / 2 * by, by, high_##I##x##N(m), high_##E##x##N(v)); \
    }
NUMBERS(APART)

#define AT_PLACES(E, I, H, N) \
    INLINE E##x##N gather_##E##x##N(const E *p, i64x##N at) { \
        return join_##E##x##N(gather_##H(p, low_i64x##N(at)), gather_##H(p, high_i64x##N(at))); \
    } \
    INLINE void scatter_##E##x##N(E *p, i64x##N at, E##x##N v) { \
        scatter_##H(p, low_i64x##N(at), low_##E##x##N(v)); \
        scatter_##H(p, high_i64x##N(at), high_##E##x##N(v)); \
    } \
    INLINE E##x##N gather_where_##E##x##N(const E *p, i64x##N at, I##x##N m) { \
        return join_##E##x##N( \
            gather_where_##H(p, low_i64x##N(at), low_##I##x##N(m)), \
            gather_where_##H(p, high_i64x##N(at), high_##I##x##N(m))); \
    } \
    INLINE void scatter_where_##E##x##N(E *p, i64x##N at, I##x##N m, E##x##N v) { \
        scatter_where_##H(p, low_i64x##N(at), low_##I##x##N(m), low_##E##x##N(v)); \
        scatter_where_##H(p, high_i64x##N(at), high_##I##x##N(m), high_##E##x##N(v)); \
    }
NUMBERS(AT_PLACES)

/* The first lanes, and lanes where a truth holds; the others are 0 and not touched. */

#define UP_TO_2 {0, 1}
#define UP_TO_4 {LANES_4}
#define UP_TO_8 {LANES_8}
#define UP_TO_16 {LANES_16}
#define COUNTED(E, I, H, N) \
    INLINE E##x##N lanes_##E##x##N(E first) { return first + (E##x##N)UP_TO_##N; } \
    INLINE E##x##N first_##E##x##N(i64 count) { \
        return (E##x##N)UP_TO_##N < (E)(count < N ? count : N); \
    }
INTEGERS(COUNTED)

#define BY_TRUTH(E, I, H, N) \
    INLINE E##x##N load_where_##E##x##N(const void *p, I##x##N m) { \
        return join_##E##x##N( \
            load_where_##H(p, low_##I##x##N(m)), \
            load_where_##H((const E *)p + N / 2, high_##I##x##N(m))); \
    } \
    INLINE void store_where_##E##x##N(void *p, I##x##N m, E##x##N v) { \
        store_where_##H(p, low_##I##x##N(m), low_##E##x##N(v)); \
        store_where_##H((E *)p + N / 2, high_##I##x##N(m), high_##E##x##N(v)); \
    }
#define WHERE(E, I, N, LOAD, STORE) \
    INLINE E##x##N load_where_##E##x##N(const void *p, I##x##N m) { return (E##x##N)LOAD; } \
    INLINE void store_where_##E##x##N(void *p, I##x##N m, E##x##N v) { STORE; }
#define WHERE_4(N, LOAD, STORE) WHERE(f32, i32, N, LOAD, STORE) WHERE(i32, i32, N, LOAD, STORE)
#define WHERE_8(N, LOAD, STORE) WHERE(f64, i64, N, LOAD, STORE) WHERE(i64, i64, N, LOAD, STORE)
#define HALVED_4(N, H) BY_TRUTH(f32, i32, f32##H, N) BY_TRUTH(i32, i32, i32##H, N)
#define HALVED_8(N, H) BY_TRUTH(f64, i64, f64##H, N) BY_TRUTH(i64, i64, i64##H, N)
#if VECTOR_BYTES == 64
#define WHERE_BITS(W, E, I, N, B, TO_BITS) \
    W(N, __builtin_ia32_loadup##B##_mask(p, (E##x##N){0}, __builtin_ia32_cvt##TO_BITS(m)), \
      __builtin_ia32_storeup##B##_mask(p, (E##x##N)v, __builtin_ia32_cvt##TO_BITS(m)))
HALVED_4(2, )
WHERE_BITS(WHERE_4, f32, i32, 4, s128, d2mask128)
WHERE_BITS(WHERE_4, f32, i32, 8, s256, d2mask256)
WHERE_BITS(WHERE_4, f32, i32, 16, s512, d2mask512)
WHERE_BITS(WHERE_8, f64, i64, 2, d128, q2mask128)
WHERE_BITS(WHERE_8, f64, i64, 4, d256, q2mask256)
WHERE_BITS(WHERE_8, f64, i64, 8, d512, q2mask512)
#elif MASKED
#define WHERE_AVX(W, E, N, B) \
    W(N, __builtin_ia32_maskloadp##B(p, m), __builtin_ia32_maskstorep##B(p, m, (E##x##N)v))
HALVED_4(2, )
WHERE_AVX(WHERE_4, f32, 4, s)
WHERE_AVX(WHERE_4, f32, 8, s256)
WHERE_AVX(WHERE_8, f64, 2, d)
WHERE_AVX(WHERE_8, f64, 4, d256)
#else
NUMBERS(BY_TRUTH)
#endif

/* The same for the first lanes: where masks are bits, they are those of a number. */

#define FIRST(E, I, H, N) \
    INLINE E##x##N load_first_##E##x##N(const void *p, i64 count) { \
        return load_where_##E##x##N(p, first_##I##x##N(count)); \
    } \
    INLINE void store_first_##E##x##N(void *p, i64 count, E##x##N v) { \
        store_where_##E##x##N(p, first_##I##x##N(count), v); \
    }
#if VECTOR_BYTES == 64
#define ONES(N, COUNT) ((1 << ((COUNT) < 0 ? 0 : (COUNT) < N ? (COUNT) : N)) - 1)
#define FIRST_BITS(E, AS, N, B) \
    INLINE E##x##N load_first_##E##x##N(const void *p, i64 count) { \
        return (E##x##N)__builtin_ia32_loadup##B##_mask(p, (AS##x##N){0}, ONES(N, count)); \
    } \
    INLINE void store_first_##E##x##N(void *p, i64 count, E##x##N v) { \
        __builtin_ia32_storeup##B##_mask(p, (AS##x##N)v, ONES(N, count)); \
    }
#define FIRST_BITS_4(N, B) FIRST_BITS(f32, f32, N, B) FIRST_BITS(i32, f32, N, B)
#define FIRST_BITS_8(N, B) FIRST_BITS(f64, f64, N, B) FIRST_BITS(i64, f64, N, B)
FIRST(f32, i32, f32, 2)
FIRST(i32, i32, i32, 2)
FIRST_BITS_4(4, s128)
FIRST_BITS_4(8, s256)
FIRST_BITS_4(16, s512)
FIRST_BITS_8(2, d128)
FIRST_BITS_8(4, d256)
FIRST_BITS_8(8, d512)
#else
NUMBERS(FIRST)
#endif

#define ANY(E, I, H, N) \
    INLINE i32 any_##E##x##N(E##x##N m) { return any_##H(low_##E##x##N(m) | high_##E##x##N(m)); } \
    INLINE i32 all_##E##x##N(E##x##N m) { return all_##H(low_##E##x##N(m) & high_##E##x##N(m)); }
INLINE i32 any_i32(i32 m) { return m != 0; }
INLINE i32 all_i32(i32 m) { return m != 0; }
INLINE i32 any_i64(i64 m) { return m != 0; }
INLINE i32 all_i64(i64 m) { return m != 0; }
INTEGERS(ANY)

/* Truths in memory. */

typedef char i8x4 __attribute__((vector_size(4)));
typedef char i8x8 __attribute__((vector_size(8)));
typedef char i8x16 __attribute__((vector_size(16)));
INLINE i32 load_truth_i32(const truth8 *p) { return *p != 0; }
INLINE void store_truth_i32(truth8 *p, i32 m) { *p = m != 0; }
INLINE i32 load_truth_by_i32(const truth8 *p, i64 by) { return *p != 0; }
INLINE void store_truth_by_i32(truth8 *p, i64 by, i32 m) { *p = m != 0; }
INLINE i32 load_truth_where_i32(const truth8 *p, i32 m) { return m ? *p != 0 : 0; }
INLINE void store_truth_where_i32(truth8 *p, i32 m, i32 v) { if (m) *p = v != 0; }
INLINE i32 load_truth_by_where_i32(const truth8 *p, i64 by, i32 m) { return m ? *p != 0 : 0; }
INLINE void store_truth_by_where_i32(truth8 *p, i64 by, i32 m, i32 v) { if (m) *p = v != 0; }
INLINE i32 gather_truth_i32(const truth8 *p, i64 at) { return p[at] != 0; }
INLINE void scatter_truth_i32(truth8 *p, i64 at, i32 v) { p[at] = v != 0; }
INLINE i32 gather_truth_where_i32(const truth8 *p, i64 at, i32 m) { return m ? p[at] != 0 : 0; }
INLINE void scatter_truth_where_i32(truth8 *p, i64 at, i32 m, i32 v) { if (m) p[at] = v != 0; }

#define JOIN_TRUTHS_2(A, B) join_i32x2(-(A), -(B))
#define JOIN_TRUTHS_4(A, B) join_i32x4(A, B)
#define JOIN_TRUTHS_8(A, B) join_i32x8(A, B)
#define JOIN_TRUTHS_16(A, B) join_i32x16(A, B)
#define HALVES(N, M) low_i32x##N(M), high_i32x##N(M)
#define TRUTHS_APART(E, I, H, N) \
    INLINE i32x##N load_truth_by_i32x##N(const truth8 *p, i64 by) { \
        return JOIN_TRUTHS_##N(load_truth_by_##H(p, by), load_truth_by_##H(p + N / 2 * by, by)); \
    } \
    INLINE void store_truth_by_i32x##N(truth8 *p, i64 by, i32x##N v) { \
        store_truth_by_##H(p, by, low_i32x##N(v)); \
        store_truth_by_##H(p + N / 2 * by, by, high_i32x##N(v)); \
    } \
    INLINE i32x##N load_truth_by_where_i32x##N(const truth8 *p, i64 by, i32x##N m) { \
        return JOIN_TRUTHS_##N( \
            load_truth_by_where_##H(p, by, low_i32x##N(m)), \
            load_truth_by_where_##H(p + N / 2 * by, by, high_i32x##N(m))); \
    } \
    INLINE void store_truth_by_where_i32x##N(truth8 *p, i64 by, i32x##N m, i32x##N v) { \
        store_truth_by_where_##H(p, by, low_i32x##N(m), low_i32x##N(v)); \
        store_truth_by_where_##H(p + N / 2 * by, by, high_i32x##N(m), high_i32x##N(v)); \
    } \
    INLINE i32x##N gather_truth_i32x##N(const truth8 *p, i64x##N at) { \
        return JOIN_TRUTHS_##N( \
            gather_truth_##H(p, low_i64x##N(at)), gather_truth_##H(p, high_i64x##N(at))); \
    } \
    INLINE void scatter_truth_i32x##N(truth8 *p, i64x##N at, i32x##N v) { \
        scatter_truth_##H(p, low_i64x##N(at), low_i32x##N(v)); \
        scatter_truth_##H(p, high_i64x##N(at), high_i32x##N(v)); \
    } \
    INLINE i32x##N gather_truth_where_i32x##N(const truth8 *p, i64x##N at, i32x##N m) { \
        return JOIN_TRUTHS_##N( \
            gather_truth_where_##H(p, low_i64x##N(at), low_i32x##N(m)), \
            gather_truth_where_##H(p, high_i64x##N(at), high_i32x##N(m))); \
    } \
    INLINE void scatter_truth_where_i32x##N(truth8 *p, i64x##N at, i32x##N m, i32x##N v) { \
        scatter_truth_where_##H(p, low_i64x##N(at), low_i32x##N(m), low_i32x##N(v)); \
        scatter_truth_where_##H(p, high_i64x##N(at), high_i32x##N(m), high_i32x##N(v)); \
    } \
    INLINE i32x##N load_truth_where_i32x##N(const truth8 *p, i32x##N m) { \
        return load_truth_by_where_i32x##N(p, 1, m); \
    } \
    INLINE void store_truth_where_i32x##N(truth8 *p, i32x##N m, i32x##N v) { \
        store_truth_by_where_i32x##N(p, 1, m, v); \
    } \
    INLINE i32x##N load_truth_i32x##N(const truth8 *p) { return LOAD_TRUTHS_##N(p); } \
    INLINE void store_truth_i32x##N(truth8 *p, i32x##N v) { STORE_TRUTHS_##N(p, v); }
#define LOAD_TRUTHS_2(P) load_truth_by_i32x2(P, 1)
#define STORE_TRUTHS_2(P, V) store_truth_by_i32x2(P, 1, V)
#define LOAD_TRUTHS_4(P) load_truth_by_i32x4(P, 1)
#define STORE_TRUTHS_4(P, V) store_truth_by_i32x4(P, 1, V)
#if GCC_X86 && VECTOR_BYTES == 64
#define LOAD_TRUTHS_8(P) (__builtin_ia32_pmovzxbd256((i8x16)(i64x2){load_i64(P)}) != 0)
#define LOAD_TRUTHS_16(P) (__builtin_ia32_pmovzxbd512_mask(*(const i8x16_any *)(P), (i32x16){0}, -1) != 0)
#elif GCC_X86 && VECTOR_BYTES == 32
#define LOAD_TRUTHS_8(P) (__builtin_ia32_pmovzxbd256((i8x16)(i64x2){load_i64(P)}) != 0)
#elif defined(__clang__)
#define LOAD_TRUTHS_8(P) (__builtin_convertvector(*(const i8x8_any *)(P), i32x8) != 0)
#define LOAD_TRUTHS_16(P) (__builtin_convertvector(*(const i8x16_any *)(P), i32x16) != 0)
#else
#define LOAD_TRUTHS_8(P) load_truth_by_i32x8(P, 1)
#endif
#define STORE_TRUTHS_8(P, V) *(i8x8_any *)(P) = -__builtin_convertvector(V, i8x8)
#define STORE_TRUTHS_16(P, V) *(i8x16_any *)(P) = -__builtin_convertvector(V, i8x16)
typedef char i8x8_any __attribute__((vector_size(8), aligned(1), may_alias));
typedef char i8x16_any __attribute__((vector_size(16), aligned(1), may_alias));
OF_4_BYTES(TRUTHS_APART, i32)

/* Numbers of one and two bytes in memory, which registers hold as i32; `M` is the type in memory. */

#define NARROW(M) \
    INLINE i32 load_##M##_i32(const M *p) { return *p; } \
    INLINE void store_##M##_i32(M *p, i32 v) { *p = v; } \
    INLINE i32 load_##M##_by_i32(const M *p, i64 by) { return *p; } \
    INLINE void store_##M##_by_i32(M *p, i64 by, i32 v) { *p = v; } \
    INLINE i32 load_##M##_where_i32(const M *p, i32 m) { return m ? *p : 0; } \
    INLINE void store_##M##_where_i32(M *p, i32 m, i32 v) { if (m) *p = v; } \
    INLINE i32 load_##M##_by_where_i32(const M *p, i64 by, i32 m) { return m ? *p : 0; } \
    INLINE void store_##M##_by_where_i32(M *p, i64 by, i32 m, i32 v) { if (m) *p = v; } \
    INLINE i32 gather_##M##_i32(const M *p, i64 at) { return p[at]; } \
    INLINE void scatter_##M##_i32(M *p, i64 at, i32 v) { p[at] = v; } \
    INLINE i32 gather_##M##_where_i32(const M *p, i64 at, i32 m) { return m ? p[at] : 0; } \
    INLINE void scatter_##M##_where_i32(M *p, i64 at, i32 m, i32 v) { if (m) p[at] = v; }
#define NARROW_LANES(M, H, N, LOAD) \
    typedef M M##_##N##_any __attribute__((vector_size(N * sizeof(M)), aligned(sizeof(M)), may_alias)); \
    INLINE i32x##N load_##M##_i32x##N(const M *p) { return LOAD; } \
    INLINE void store_##M##_i32x##N(M *p, i32x##N v) { \
        *(M##_##N##_any *)p = __builtin_convertvector(v, M##_##N##_any); \
    } \
    INLINE i32x##N load_##M##_by_i32x##N(const M *p, i64 by) { \
        return join_i32x##N(load_##M##_by_##H(p, by), load_##M##_by_##H(p + N / 2 * by, by)); \
    } \
    INLINE void store_##M##_by_i32x##N(M *p, i64 by, i32x##N v) { \
        store_##M##_by_##H(p, by, low_i32x##N(v)); \
        store_##M##_by_##H(p + N / 2 * by, by, high_i32x##N(v)); \
    } \
    INLINE i32x##N load_##M##_by_where_i32x##N(const M *p, i64 by, i32x##N m) { \
        return join_i32x##N( \
            load_##M##_by_where_##H(p, by, low_i32x##N(m)), \
            load_##M##_by_where_##H(p + N / 2 * by, by, high_i32x##N(m))); \
    } \
    INLINE void store_##M##_by_where_i32x##N(M *p, i64 by, i32x##N m, i32x##N v) { \
        store_##M##_by_where_##H(p, by, low_i32x##N(m), low_i32x##N(v)); \
        store_##M##_by_where_##H(p + N / 2 * by, by, high_i32x##N(m), high_i32x##N(v)); \
    } \
    INLINE i32x##N gather_##M##_i32x##N(const M *p, i64x##N at) { \
        return join_i32x##N(gather_##M##_##H(p, low_i64x##N(at)), gather_##M##_##H(p, high_i64x##N(at))); \
    } \
    INLINE void scatter_##M##_i32x##N(M *p, i64x##N at, i32x##N v) { \
        scatter_##M##_##H(p, low_i64x##N(at), low_i32x##N(v)); \
        scatter_##M##_##H(p, high_i64x##N(at), high_i32x##N(v)); \
    } \
    INLINE i32x##N gather_##M##_where_i32x##N(const M *p, i64x##N at, i32x##N m) { \
        return join_i32x##N( \
            gather_##M##_where_##H(p, low_i64x##N(at), low_i32x##N(m)), \
            gather_##M##_where_##H(p, high_i64x##N(at), high_i32x##N(m))); \
    } \
    INLINE void scatter_##M##_where_i32x##N(M *p, i64x##N at, i32x##N m, i32x##N v) { \
        scatter_##M##_where_##H(p, low_i64x##N(at), low_i32x##N(m), low_i32x##N(v)); \
        scatter_##M##_where_##H(p, high_i64x##N(at), high_i32x##N(m), high_i32x##N(v)); \
    } \
    INLINE i32x##N load_##M##_where_i32x##N(const M *p, i32x##N m) { \
        return load_##M##_by_where_i32x##N(p, 1, m); \
    } \
    INLINE void store_##M##_where_i32x##N(M *p, i32x##N m, i32x##N v) { \
        store_##M##_by_where_i32x##N(p, 1, m, v); \
    }
#define LOADED(M, N) __builtin_convertvector(*(const M##_##N##_any *)p, i32x##N)
#define NARROW_4(M) NARROW(M) NARROW_LANES(M, i32, 2, LOADED(M, 2)) NARROW_LANES(M, i32x2, 4, LOADED(M, 4))
typedef short i16x8 __attribute__((vector_size(16)));
typedef short i16x16 __attribute__((vector_size(32)));
typedef short i16x8_any __attribute__((vector_size(16), aligned(2), may_alias));
typedef short i16x16_any __attribute__((vector_size(32), aligned(2), may_alias));
NARROW_4(i8) NARROW_4(u8) NARROW_4(i16) NARROW_4(u16)
#if GCC_X86 && VECTOR_BYTES >= 32
#define NARROW_BYTES_8(M, X) \
    NARROW_LANES(M, i32x4, 8, __builtin_ia32_pmov##X##d256((i8x16)(i64x2){load_i64(p)}))
#define NARROW_WORDS_8(M, X) NARROW_LANES(M, i32x4, 8, __builtin_ia32_pmov##X##d256(*(const i16x8_any *)p))
NARROW_BYTES_8(i8, sxb) NARROW_BYTES_8(u8, zxb) NARROW_WORDS_8(i16, sxw) NARROW_WORDS_8(u16, zxw)
#elif VECTOR_BYTES >= 32
#define NARROW_8(M) NARROW_LANES(M, i32x4, 8, LOADED(M, 8))
NARROW_8(i8) NARROW_8(u8) NARROW_8(i16) NARROW_8(u16)
#endif
#if GCC_X86 && VECTOR_BYTES == 64
#define NARROW_16(M, X, V) \
    NARROW_LANES(M, i32x8, 16, __builtin_ia32_pmov##X##d512_mask(*(const V##_any *)p, (i32x16){0}, -1))
NARROW_16(i8, sxb, i8x16) NARROW_16(u8, zxb, i8x16) NARROW_16(i16, sxw, i16x16) NARROW_16(u16, zxw, i16x16)
#elif VECTOR_BYTES == 64
#define NARROW_16(M) NARROW_LANES(M, i32x8, 16, LOADED(M, 16))
NARROW_16(i8) NARROW_16(u8) NARROW_16(i16) NARROW_16(u16)
#endif

/* Patterns of halves, where instructions convert them: `half_f32x8` rounds, `from_half_f32x8` widens. */

#if defined(__F16C__) || defined(__aarch64__)
#define HALVES_BY_HALVES(E, N) \
    INLINE i32x##N half_f32x##N(f32x##N a) { \
        return join_i32x##N(half_##E(low_f32x##N(a)), half_##E(high_f32x##N(a))); \
    }
#define FROM_HALVES_BY_HALVES(E, I, N) \
    INLINE f32x##N from_half_f32x##N(i32x##N a) { \
        return join_f32x##N(from_half_##E(low_i32x##N(a)), from_half_##E(high_i32x##N(a))); \
    }
#define HALVES(E, I, H, N) HALVES_BY_HALVES(H, N) FROM_HALVES_BY_HALVES(H, I, N)
#if GCC_X86
INLINE i32 half_f32(f32 a) { return (u16)__builtin_ia32_vcvtps2ph((f32x4){a}, 0)[0]; }
INLINE f32 from_half_f32(i32 a) { return __builtin_ia32_vcvtph2ps((i16x8){(i16)a})[0]; }
HALVES_BY_HALVES(f32, 2) FROM_HALVES_BY_HALVES(f32, i32, 2)
INLINE i32x4 half_f32x4(f32x4 a) {
    i16x8 h = __builtin_ia32_vcvtps2ph(a, 0);
    return (i32x4){(u16)h[0], (u16)h[1], (u16)h[2], (u16)h[3]};
}
INLINE f32x4 from_half_f32x4(i32x4 a) {
    return __builtin_ia32_vcvtph2ps((i16x8){(i16)a[0], (i16)a[1], (i16)a[2], (i16)a[3]});
}
IF_32(INLINE i32x8 half_f32x8(f32x8 a) { return __builtin_ia32_pmovzxwd256(__builtin_ia32_vcvtps2ph256(a, 0)); })
IF_32(INLINE f32x8 from_half_f32x8(i32x8 a) {
    return __builtin_ia32_vcvtph2ps256(__builtin_convertvector(a, i16x8));
})
IF_64(INLINE i32x16 half_f32x16(f32x16 a) {
    i16x16 h = __builtin_ia32_vcvtps2ph512_mask(a, 0, (i16x16){0}, -1);
    return __builtin_ia32_pmovzxwd512_mask(h, (i32x16){0}, -1);
})
IF_64(INLINE f32x16 from_half_f32x16(i32x16 a) {
    return __builtin_ia32_vcvtph2ps512_mask(__builtin_convertvector(a, i16x16), (f32x16){0}, -1, 4);
})
#else
INLINE i32 half_f32(f32 a) { union { _Float16 number; u16 bits; } x = {(_Float16)a}; return x.bits; }
INLINE f32 from_half_f32(i32 a) { union { u16 bits; _Float16 number; } x = {(u16)a}; return x.number; }
OF_4_BYTES(HALVES, f32)
#endif
#endif

/* Casts: `f64x8_of_f32x8`. */

#define OF(TO, FROM, EXPRESSION) \
    INLINE TO TO##_of_##FROM(FROM v) { return EXPRESSION; }
#define CONVERTED(TO, FROM) OF(TO, FROM, __builtin_convertvector(v, TO))
#define ALIKE(N) \
    CONVERTED(f32x##N, i32x##N) CONVERTED(i32x##N, f32x##N)
#define ALIKE_WIDE(N) \
    CONVERTED(f64x##N, i64x##N) CONVERTED(i64x##N, f64x##N)
/* ARM's conversions of numbers out of range saturate, but not through a wider integer. */
#if defined(__aarch64__)
#define TRUNCATED(E, F, N) OF(E##x##N, F##x##N, join_##E##x##N((E)v[0], (E)v[1]))
#else
#define TRUNCATED(E, F, N) CONVERTED(E##x##N, F##x##N)
#endif
#define ACROSS(N) \
    CONVERTED(f64x##N, f32x##N) CONVERTED(f64x##N, i32x##N) CONVERTED(i64x##N, i32x##N) \
    TRUNCATED(i64, f32, N) \
    CONVERTED(f32x##N, f64x##N) TRUNCATED(i32, f64, N) CONVERTED(i32x##N, i64x##N) CONVERTED(f32x##N, i64x##N)
ALIKE(2) ALIKE(4) IF_32(ALIKE(8)) IF_64(ALIKE(16))
ALIKE_WIDE(2) IF_32(ALIKE_WIDE(4)) IF_64(ALIKE_WIDE(8))
ACROSS(2)
#if GCC_X86 && VECTOR_BYTES >= 32
OF(f64x4, f32x4, __builtin_ia32_cvtps2pd256(v))
OF(f64x4, i32x4, __builtin_ia32_cvtdq2pd256(v))
OF(i64x4, i32x4, __builtin_ia32_pmovsxdq256(v))
CONVERTED(i64x4, f32x4)
OF(f32x4, f64x4, __builtin_ia32_cvtpd2ps256(v))
OF(i32x4, f64x4, __builtin_ia32_cvttpd2dq256(v))
CONVERTED(i32x4, i64x4)
CONVERTED(f32x4, i64x4)
#elif VECTOR_BYTES >= 32
ACROSS(4)
#endif
#if GCC_X86 && VECTOR_BYTES == 64
OF(f64x8, f32x8, __builtin_ia32_cvtps2pd512_mask(v, (f64x8){0}, -1, 4))
OF(f64x8, i32x8, __builtin_ia32_cvtdq2pd512_mask(v, (f64x8){0}, -1))
OF(i64x8, i32x8, __builtin_ia32_pmovsxdq512_mask(v, (i64x8){0}, -1))
OF(i64x8, f32x8, __builtin_ia32_cvttps2qq512_mask(v, (i64x8){0}, -1, 4))
OF(f32x8, f64x8, __builtin_ia32_cvtpd2ps512_mask(v, (f32x8){0}, -1, 4))
OF(i32x8, f64x8, __builtin_ia32_cvttpd2dq512_mask(v, (i32x8){0}, -1, 4))
OF(i32x8, i64x8, __builtin_ia32_pmovqd512_mask(v, (i32x8){0}, -1))
OF(f32x8, i64x8, __builtin_ia32_cvtqq2ps512_mask(v, (f32x8){0}, -1, 4))
#elif VECTOR_BYTES == 64
ACROSS(8)
#endif

/* Functions of floats that are one instruction. */

#define SIGNS(E, I, H, N) \
    INLINE I##x##N bits_##E##x##N(E##x##N a) { return (I##x##N)a; } \
    INLINE E##x##N from_bits_##E##x##N(I##x##N a) { return (E##x##N)a; } \
    INLINE E##x##N abs_##E##x##N(E##x##N a) { \
        return (E##x##N)((I##x##N)a & ~(I##x##N)splat_##E##x##N(-(E)0)); \
    } \
    INLINE E##x##N copysign_##E##x##N(E##x##N a, E##x##N b) { \
        I##x##N sign = (I##x##N)splat_##E##x##N(-(E)0); \
        return (E##x##N)(((I##x##N)a & ~sign) | ((I##x##N)b & sign)); \
    }
FLOATS(SIGNS)

#define ROUNDED(E, N, FLOOR, CEIL, ROUND, SQRT) \
    INLINE E##x##N floor_##E##x##N(E##x##N a) { return FLOOR; } \
    INLINE E##x##N ceil_##E##x##N(E##x##N a) { return CEIL; } \
    INLINE E##x##N round_##E##x##N(E##x##N a) { return ROUND; } \
    INLINE E##x##N sqrt_##E##x##N(E##x##N a) { return SQRT; }
#define FUSED(E, N, FMA) INLINE E##x##N fma_##E##x##N(E##x##N a, E##x##N b, E##x##N c) { return FMA; }
#define ROUNDED_BY_HALVES(E, H, N) \
    HALVED(floor, E, H, N) HALVED(ceil, E, H, N) HALVED(round, E, H, N) HALVED(sqrt, E, H, N)
#define ROUND_X86(E, N, B, W) \
    ROUNDED(E, N, __builtin_ia32_roundp##B##W(a, 9), __builtin_ia32_roundp##B##W(a, 10), \
            __builtin_ia32_roundp##B##W(a, 4), __builtin_ia32_sqrtp##B##W(a))
#define ROUND_512(E, N, B) \
    ROUNDED(E, N, __builtin_ia32_rndscalep##B##_mask(a, 9, (E##x##N){0}, -1, 4), \
            __builtin_ia32_rndscalep##B##_mask(a, 10, (E##x##N){0}, -1, 4), \
            __builtin_ia32_rndscalep##B##_mask(a, 4, (E##x##N){0}, -1, 4), \
            __builtin_ia32_sqrtp##B##512_mask(a, (E##x##N){0}, -1, 4))
#if defined(__aarch64__)
#include <arm_neon.h>
#endif
#define ROUND_NEON(E, N, TO) \
    ROUNDED(E, N, (E##x##N)vrndmq_##E((TO)a), (E##x##N)vrndpq_##E((TO)a), (E##x##N)vrndiq_##E((TO)a), \
            (E##x##N)vsqrtq_##E((TO)a))
#define EACH_LANE(NAME, E, N) \
    INLINE E##x##N NAME##_##E##x##N(E##x##N a) { \
        for (int k = 0; k < N; k++) a[k] = NAME##_##E(a[k]); \
        return a; \
    }
#define ROUND_BY_LANE(E, I, H, N) \
    EACH_LANE(floor, E, N) EACH_LANE(ceil, E, N) EACH_LANE(round, E, N) EACH_LANE(sqrt, E, N)
#define FUSED_BY_LANE(E, I, H, N) \
    INLINE E##x##N fma_##E##x##N(E##x##N a, E##x##N b, E##x##N c) { \
        for (int k = 0; k < N; k++) c[k] = fma_##E(a[k], b[k], c[k]); \
        return c; \
    }
#if GCC_X86 && defined(__SSE4_1__)
ROUNDED_BY_HALVES(f32, f32, 2)
ROUND_X86(f32, 4, s, )
ROUND_X86(f64, 2, d, )
IF_32(ROUND_X86(f32, 8, s, 256) ROUND_X86(f64, 4, d, 256))
IF_64(ROUND_512(f32, 16, s) ROUND_512(f64, 8, d))
#elif defined(__aarch64__)
ROUNDED_BY_HALVES(f32, f32, 2)
ROUND_NEON(f32, 4, float32x4_t)
ROUND_NEON(f64, 2, float64x2_t)
#else
FLOATS(ROUND_BY_LANE)
#endif
#if GCC_X86 && defined(__FMA__)
HALVED_THREE(fma, f32, f32, 2)
FUSED(f32, 4, __builtin_ia32_vfmaddps(a, b, c))
FUSED(f64, 2, __builtin_ia32_vfmaddpd(a, b, c))
IF_32(FUSED(f32, 8, __builtin_ia32_vfmaddps256(a, b, c)) FUSED(f64, 4, __builtin_ia32_vfmaddpd256(a, b, c)))
IF_64(FUSED(f32, 16, __builtin_ia32_vfmaddps512_mask(a, b, c, -1, 4)))
IF_64(FUSED(f64, 8, __builtin_ia32_vfmaddpd512_mask(a, b, c, -1, 4)))
#elif defined(__aarch64__)
HALVED_THREE(fma, f32, f32, 2)
FUSED(f32, 4, (f32x4)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b))
FUSED(f64, 2, (f64x2)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b))
#else
FLOATS(FUSED_BY_LANE)
#endif

/* Powers of two by AVX-512: getmant gives [3/4, 3/2), NaN below 0. */

#if VECTOR_BYTES == 64
#define SCALES(E, N, B, ...) \
    INLINE E##x##N scalef_##E##x##N(E##x##N a, E##x##N k) { \
        return __builtin_ia32_scalefp##B##_mask(a, k, (E##x##N){0}, -1 __VA_ARGS__); \
    } \
    INLINE E##x##N getmant_##E##x##N(E##x##N a) { \
        return __builtin_ia32_getmantp##B##_mask(a, 15, (E##x##N){0}, -1 __VA_ARGS__); \
    } \
    INLINE E##x##N getexp_##E##x##N(E##x##N a) { \
        return __builtin_ia32_getexpp##B##_mask(a, (E##x##N){0}, -1 __VA_ARGS__); \
    }
SCALES(f32, 4, s128)
SCALES(f32, 8, s256)
SCALES(f32, 16, s512, , 4)
SCALES(f64, 2, d128)
SCALES(f64, 4, d256)
SCALES(f64, 8, d512, , 4)
#endif

/* Panels of the right side of a product: some terms of B, in rows as wide as a tile. */

#define SMALLER(A, B) ((A) < (B) ? (A) : (B))
/* Terms lie `row` elements apart, or as a table says. A row of the panel is written at once. */

#define FAR(K) (table ? table[K] : (K) * row)
#define PACK_STRIDED(E) \
    INLINE void pack_some_##E( \
        E *room, const E *source, i64 row, const i64 *table, i64 column, i64 first, i64 terms, \
        i64 columns, i64 width \
    ) { \
        for (i64 k = first; k < terms; k++) { \
            const E *here = source + FAR(k); \
            for (i64 j = 0; j < SMALLER(width, columns); j++) room[k * width + j] = here[j * column]; \
        } \
    } \
    static __attribute__((unused)) void pack_strided_##E( \
        E *room, const E *source, i64 row, const i64 *table, i64 column, i64 terms, i64 columns, i64 width \
    ) { \
        pack_some_##E(room, source, row, table, column, 0, terms, columns, width); \
    }
PACK_STRIDED(f32)
PACK_STRIDED(f64)
PACK_STRIDED(i32)
PACK_STRIDED(i64)

#define PACK_EVERY_OTHER(E, I, H, N) \
    INLINE void pack_every_other_##E##x##N( \
        E *room, const E *source, i64 row, const i64 *table, i64 terms, i64 columns, i64 width \
    ) { \
        i64 reach = 2 * columns - 1; \
        for (i64 k = 0; k < terms; k++, room += width) { \
            const E *here = source + FAR(k); \
            for (i64 j = 0; j < width; j += N) { \
                E##x##N low = load_first_##E##x##N(here + 2 * j, reach - 2 * j); \
                E##x##N high = load_first_##E##x##N(here + 2 * j + N, reach - 2 * j - N); \
                store_##E##x##N(room + j, evens_##E##x##N(low, high)); \
            } \
        } \
    }
NUMBERS(PACK_EVERY_OTHER)

#define PACK_ROWS(E, I, H, N) \
    INLINE void pack_rows_##E##x##N( \
        E *room, const E *source, i64 row, i64 terms, i64 columns, i64 width, i32 whole \
    ) { \
        for (i64 k = 0; k < terms; k++, source += row, room += width) \
            for (i64 j = 0; j < width; j += N) \
                store_##E##x##N( \
                    room + j, whole ? load_##E##x##N(source + j) \
                                    : load_first_##E##x##N(source + j, columns - j)); \
    }
NUMBERS(PACK_ROWS)

/* Squares of B are transposed: ever smaller quadrants off the diagonal change places. */

#define EXCHANGE(T, A, B, UPPER, LOWER) { \
        T a = A, b = B; \
        A = __builtin_shufflevector(a, b, UPPER); \
        B = __builtin_shufflevector(a, b, LOWER); \
    }
#define UPPER_2_BY_1 0, 2
#define LOWER_2_BY_1 1, 3
#define UPPER_4_BY_2 0, 1, 4, 5
#define LOWER_4_BY_2 2, 3, 6, 7
#define UPPER_4_BY_1 0, 4, 2, 6
#define LOWER_4_BY_1 1, 5, 3, 7
#define UPPER_8_BY_4 0, 1, 2, 3, 8, 9, 10, 11
#define LOWER_8_BY_4 4, 5, 6, 7, 12, 13, 14, 15
#define UPPER_8_BY_2 0, 1, 8, 9, 4, 5, 12, 13
#define LOWER_8_BY_2 2, 3, 10, 11, 6, 7, 14, 15
#define UPPER_8_BY_1 0, 8, 2, 10, 4, 12, 6, 14
#define LOWER_8_BY_1 1, 9, 3, 11, 5, 13, 7, 15
#define TRANSPOSE_2(T, R) EXCHANGE(T, R[0], R[1], UPPER_2_BY_1, LOWER_2_BY_1)
#define TRANSPOSE_4(T, R) \
    EXCHANGE(T, R[0], R[2], UPPER_4_BY_2, LOWER_4_BY_2) EXCHANGE(T, R[1], R[3], UPPER_4_BY_2, LOWER_4_BY_2) \
    EXCHANGE(T, R[0], R[1], UPPER_4_BY_1, LOWER_4_BY_1) EXCHANGE(T, R[2], R[3], UPPER_4_BY_1, LOWER_4_BY_1)
#define TRANSPOSE_8(T, R) \
    EXCHANGE(T, R[0], R[4], UPPER_8_BY_4, LOWER_8_BY_4) EXCHANGE(T, R[1], R[5], UPPER_8_BY_4, LOWER_8_BY_4) \
    EXCHANGE(T, R[2], R[6], UPPER_8_BY_4, LOWER_8_BY_4) EXCHANGE(T, R[3], R[7], UPPER_8_BY_4, LOWER_8_BY_4) \
    EXCHANGE(T, R[0], R[2], UPPER_8_BY_2, LOWER_8_BY_2) EXCHANGE(T, R[1], R[3], UPPER_8_BY_2, LOWER_8_BY_2) \
    EXCHANGE(T, R[4], R[6], UPPER_8_BY_2, LOWER_8_BY_2) EXCHANGE(T, R[5], R[7], UPPER_8_BY_2, LOWER_8_BY_2) \
    EXCHANGE(T, R[0], R[1], UPPER_8_BY_1, LOWER_8_BY_1) EXCHANGE(T, R[2], R[3], UPPER_8_BY_1, LOWER_8_BY_1) \
    EXCHANGE(T, R[4], R[5], UPPER_8_BY_1, LOWER_8_BY_1) EXCHANGE(T, R[6], R[7], UPPER_8_BY_1, LOWER_8_BY_1)

/* Machines with masks read the ragged end under a mask and write whole blocks; the others copy it.
   Where terms lie as a table says, blocks of neighbours are transposed and the others copied. */

#define PACK_COLUMNS(E, I, H, N) \
    INLINE void pack_block_##E##x##N( \
        E *room, const E *source, i64 far, i64 left, i64 column, i64 j, i64 columns, i64 width \
    ) { \
        E##x##N rows[N]; \
        _Pragma("GCC unroll 8") for (i64 lane = 0; lane < N; lane++) { \
            const E *base = source + SMALLER(j + lane, columns - 1) * column + far; \
            rows[lane] = left < N ? load_first_##E##x##N(base, left) : load_##E##x##N(base); \
        } \
        TRANSPOSE_##N(E##x##N, rows) \
        _Pragma("GCC unroll 8") for (i64 lane = 0; lane < N; lane++) \
            store_##E##x##N(room + lane * width + j, rows[lane]); \
    } \
    static __attribute__((unused)) void pack_columns_##E##x##N( \
        E *room, const E *source, i64 column, i64 terms, i64 columns, i64 width \
    ) { \
        i64 whole = MASKED ? terms : terms & -N; \
        for (i64 j = 0; j < width; j += N) \
            for (i64 k = 0; k < whole; k += N) \
                pack_block_##E##x##N(room + k * width, source, k, terms - k, column, j, columns, width); \
        if (whole < terms) pack_some_##E(room, source, 1, 0, column, whole, terms, columns, width); \
    } \
    static __attribute__((unused)) void pack_runs_##E##x##N( \
        E *room, const E *source, const i64 *table, i64 column, i64 terms, i64 columns, i64 width \
    ) { \
        i64 whole = terms & -N; \
        for (i64 k = 0; k < whole; k += N) { \
            i32 is_run = 1; \
            for (i64 lane = 0; lane < N; lane++) is_run &= table[k + lane] == table[k] + lane; \
            if (!is_run) { \
                pack_some_##E(room, source, 0, table, column, k, k + N, columns, width); \
                continue; \
            } \
            for (i64 j = 0; j < width; j += N) \
                pack_block_##E##x##N(room + k * width, source, table[k], N, column, j, columns, width); \
        } \
        pack_some_##E(room, source, 0, table, column, whole, terms, columns, width); \
    }
#define UP_TO_8_LANES(DO) \
    DO(f32, i32, f32, 2) DO(f32, i32, f32x2, 4) DO(i32, i32, i32, 2) DO(i32, i32, i32x2, 4) \
    DO(f64, i64, f64, 2) DO(i64, i64, i64, 2) \
    IF_32(DO(f32, i32, f32x4, 8) DO(i32, i32, i32x4, 8) DO(f64, i64, f64x2, 4) DO(i64, i64, i64x2, 4)) \
    IF_64(DO(f64, i64, f64x4, 8) DO(i64, i64, i64x4, 8))
UP_TO_8_LANES(PACK_COLUMNS)
