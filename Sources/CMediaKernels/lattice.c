#include "CMediaKernels.h"

#include <string.h>

/// SIMD vectors of four numbers.
typedef float Four __attribute__((vector_size(16)));
typedef int32_t FourCodes __attribute__((vector_size(16)));

#define ROW(a, b, c, d, e, f, g, h) {a / 64.f, b / 64.f, c / 64.f, d / 64.f, e / 64.f, f / 64.f, g / 64.f, h / 64.f}
// Ordered-dither thresholds in fractions of a code (8 × 8 Bayer matrix).
static const float thresholds[8][8] = {
    ROW(0, 32, 8, 40, 2, 34, 10, 42),  ROW(48, 16, 56, 24, 50, 18, 58, 26), ROW(12, 44, 4, 36, 14, 46, 6, 38),
    ROW(60, 28, 52, 20, 62, 30, 54, 22), ROW(3, 35, 11, 43, 1, 33, 9, 41),  ROW(51, 19, 59, 27, 49, 17, 57, 25),
    ROW(15, 47, 7, 39, 13, 45, 5, 37), ROW(63, 31, 55, 23, 61, 29, 53, 21),
};

enum {
    lumaShift = SPREADER_LATTICE_LUMA_SHIFT,
    chromaShift = SPREADER_LATTICE_CHROMA_SHIFT,
    lumaStep = 1 << lumaShift,
    chromaStep = 1 << chromaShift,
    parts = SPREADER_LATTICE_PARTS,
    column = SPREADER_LATTICE_LUMA * parts,
    plane = column * SPREADER_LATTICE_CHROMA,
};

/// The four columns of luma nodes around a chroma sample, and their interpolation weights.
typedef struct {
    const float *columns[4];
    float shares[4];
} Cell;

static inline Four node(const float *address) {
    Four parts;
    memcpy(&parts, address, sizeof parts);
    return parts;
}

/// All parts of a luma node, interpolated between the four columns.
static inline Four level(const Cell *cell, int32_t number) {
    const int32_t offset = number * parts;
    return node(cell->columns[0] + offset) * cell->shares[0] + node(cell->columns[1] + offset) * cell->shares[1]
        + node(cell->columns[2] + offset) * cell->shares[2] + node(cell->columns[3] + offset) * cell->shares[3];
}

/// Output luma of a code that may lie between other nodes than its neighbours.
static float lumaAt(const Cell *cell, int32_t luma) {
    const int32_t number = luma >> lumaShift;
    const Four below = level(cell, number), above = level(cell, number + 1);
    return below[0] + (above[0] - below[0]) * (float)(luma & (lumaStep - 1)) / lumaStep;
}

static inline float lesser(float a, float b) { return a < b ? a : b; }
static inline float greater(float a, float b) { return a > b ? a : b; }
static inline float cut(float value, float most) { return lesser(greater(value, 0), most); }

static inline uint8_t stored(float value, float threshold) { return (uint8_t)cut(value + threshold, 255); }

static inline int32_t code(uint16_t value) { return value > 1023 ? 1023 : value; }

/// Differences of red, green and blue from BT.709 luma, in luma steps of 1/219.
typedef struct {
    float red, green, blue;
} Differences;

static inline Differences differences(float blue, float red) {
    const float b = (blue - 128) * (219.f / 224), r = (red - 128) * (219.f / 224);
    return (Differences){1.5748f * r, -0.18732427f * b - 0.46812427f * r, 1.8556f * b};
}

/// Whether a component of a colour lies below black or above white by more than one code.
static inline int isBeyond(float lowest, float highest, Differences added) {
    return lowest + lesser(added.red, lesser(added.green, added.blue)) < 15
        || highest + greater(added.red, greater(added.green, added.blue)) > 236;
}

/// Clips luma and both chroma codes of a colour to the BT.709 gamut.
static void intoGamut(Differences added, float *luma, float *blue, float *red) {
    const float y = *luma - 16;
    const float r = cut(y + added.red, 219), g = cut(y + added.green, 219), b = cut(y + added.blue, 219);
    const float inside = 0.2126f * r + 0.7152f * g + 0.0722f * b;
    *luma = 16 + inside;
    *blue = 128 + (b - inside) * (224.f / 219 / 1.8556f);
    *red = 128 + (r - inside) * (224.f / 219 / 1.5748f);
}

void spreader_lattice_rows(
    const SpreaderPlanes *from, const SpreaderPlanes *to, const float *lattice, int width, int first, int last
) {
    for (int y = first; y < last; y += 2) {
        const uint16_t *upper = (const uint16_t *)(from->planes[0] + y * from->strides[0]);
        const uint16_t *lower = (const uint16_t *)(from->planes[0] + (y + 1) * from->strides[0]);
        const uint16_t *blue = (const uint16_t *)(from->planes[1] + y / 2 * from->strides[1]);
        const uint16_t *red = (const uint16_t *)(from->planes[2] + y / 2 * from->strides[2]);
        uint8_t *upperOut = to->planes[0] + y * to->strides[0];
        uint8_t *lowerOut = to->planes[0] + (y + 1) * to->strides[0];
        uint8_t *blueOut = to->planes[1] + y / 2 * to->strides[1];
        uint8_t *redOut = to->planes[2] + y / 2 * to->strides[2];
        const float *upperThresholds = thresholds[y & 7];
        const float *lowerThresholds = thresholds[(y + 1) & 7];
        const float *chromaThresholds = thresholds[(y / 2) & 7];
        for (int x = 0; x < width; x += 2) {
            const int32_t b = code(blue[x / 2]), r = code(red[x / 2]);
            const float shareB = (float)(b & (chromaStep - 1)) / chromaStep;
            const float shareR = (float)(r & (chromaStep - 1)) / chromaStep;
            const float *corner = lattice + (r >> chromaShift) * plane + (b >> chromaShift) * column;
            const Cell cell = {
                {corner, corner + column, corner + plane, corner + plane + column},
                {(1 - shareB) * (1 - shareR), shareB * (1 - shareR), (1 - shareB) * shareR, shareB * shareR},
            };
            const FourCodes codes = {code(upper[x]), code(upper[x + 1]), code(lower[x]), code(lower[x + 1])};
            const int32_t mean = (codes[0] + codes[1] + codes[2] + codes[3] + 2) >> 2;
            const int32_t number = mean >> lumaShift;
            const Four below = level(&cell, number), slope = (level(&cell, number + 1) - below) * (1.f / lumaStep);
            Four middle = below + slope * (float)(mean - number * lumaStep);
            Four lumas = below[0] + slope[0] * __builtin_convertvector(codes - number * lumaStep, Four);
            // Pixels across an edge may lie between other nodes.
            for (int i = 0; i < 4; i++) {
                if (__builtin_expect(codes[i] >> lumaShift != number, 0)) lumas[i] = lumaAt(&cell, codes[i]);
            }
            const Differences added = differences(middle[1], middle[2]);
            const float lowest = lesser(lesser(lumas[0], lumas[1]), lesser(lumas[2], lumas[3]));
            const float highest = greater(greater(lumas[0], lumas[1]), greater(lumas[2], lumas[3]));
            float pb = middle[1], pr = middle[2];
            if (__builtin_expect(isBeyond(lowest, highest, added), 0)) {
                for (int i = 0; i < 4; i++) {
                    float luma = lumas[i];
                    intoGamut(added, &luma, &pb, &pr);
                    lumas[i] = luma;
                }
                float luma = middle[0];
                intoGamut(added, &luma, &pb, &pr);
            }
            upperOut[x] = stored(lumas[0], upperThresholds[x & 7]);
            upperOut[x + 1] = stored(lumas[1], upperThresholds[(x + 1) & 7]);
            lowerOut[x] = stored(lumas[2], lowerThresholds[x & 7]);
            lowerOut[x + 1] = stored(lumas[3], lowerThresholds[(x + 1) & 7]);
            blueOut[x / 2] = stored(pb, chromaThresholds[(x / 2) & 7]);
            redOut[x / 2] = stored(pr, chromaThresholds[(x / 2 + 4) & 7]);
        }
    }
}
