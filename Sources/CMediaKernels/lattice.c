#include "CMediaKernels.h"

// Thresholds in 1/64 of a step, in the order that spreads them most evenly (Bayer).
static const uint8_t thresholds[8][8] = {
    {0, 32, 8, 40, 2, 34, 10, 42},  {48, 16, 56, 24, 50, 18, 58, 26}, {12, 44, 4, 36, 14, 46, 6, 38},
    {60, 28, 52, 20, 62, 30, 54, 22}, {3, 35, 11, 43, 1, 33, 9, 41},  {51, 19, 59, 27, 49, 17, 57, 25},
    {15, 47, 7, 39, 13, 45, 5, 37}, {63, 31, 55, 23, 61, 29, 53, 21},
};

enum {
    lumaShift = 4,
    chromaShift = 5,
    lumaStep = 1 << lumaShift,
    chromaStep = 1 << chromaShift,
    column = SPREADER_LATTICE_LUMA * SPREADER_LATTICE_PARTS,
    plane = column * SPREADER_LATTICE_CHROMA,
};

/// The four columns of luma nodes around a chroma sample, and their shares in 1/1024.
typedef struct {
    const uint16_t *columns[4];
    uint32_t shares[4];
} Cell;

static inline uint32_t blended(const Cell *cell, int offset) {
    return cell->columns[0][offset] * cell->shares[0] + cell->columns[1][offset] * cell->shares[1]
        + cell->columns[2][offset] * cell->shares[2] + cell->columns[3][offset] * cell->shares[3];
}

/// One part of the lattice at a luma code, in 1/64.
static inline uint32_t at(const Cell *cell, uint32_t luma, int part) {
    const int offset = (int)(luma >> lumaShift) * SPREADER_LATTICE_PARTS + part;
    const uint32_t share = luma & (lumaStep - 1);
    const uint32_t below = blended(cell, offset) >> 6;
    const uint32_t above = blended(cell, offset + SPREADER_LATTICE_PARTS) >> 6;
    return (below * (lumaStep - share) + above * share + 128) >> (lumaShift + 4);
}

static inline uint8_t stored(uint32_t value, uint32_t threshold) {
    const uint32_t code = (value + threshold) >> 6;
    return code > 255 ? 255 : (uint8_t)code;
}

static inline uint32_t code(uint16_t value) { return value > 1023 ? 1023 : value; }

void spreader_lattice_rows(
    const SpreaderPicture *from, const SpreaderPicture *to, const uint16_t *lattice, int width, int first, int last
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
        const uint8_t *upperThresholds = thresholds[y & 7];
        const uint8_t *lowerThresholds = thresholds[(y + 1) & 7];
        const uint8_t *chromaThresholds = thresholds[(y / 2) & 7];
        for (int x = 0; x < width; x += 2) {
            const uint32_t b = code(blue[x / 2]), r = code(red[x / 2]);
            const uint32_t shareB = b & (chromaStep - 1), shareR = r & (chromaStep - 1);
            const uint16_t *corner = lattice + (r >> chromaShift) * plane + (b >> chromaShift) * column;
            const Cell cell = {
                {corner, corner + column, corner + plane, corner + plane + column},
                {(chromaStep - shareB) * (chromaStep - shareR), shareB * (chromaStep - shareR),
                 (chromaStep - shareB) * shareR, shareB * shareR},
            };
            const uint32_t a = code(upper[x]), c = code(upper[x + 1]), d = code(lower[x]), e = code(lower[x + 1]);
            upperOut[x] = stored(at(&cell, a, 0), upperThresholds[x & 7]);
            upperOut[x + 1] = stored(at(&cell, c, 0), upperThresholds[(x + 1) & 7]);
            lowerOut[x] = stored(at(&cell, d, 0), lowerThresholds[x & 7]);
            lowerOut[x + 1] = stored(at(&cell, e, 0), lowerThresholds[(x + 1) & 7]);
            const uint32_t mean = (a + c + d + e + 2) >> 2;
            blueOut[x / 2] = stored(at(&cell, mean, 1), chromaThresholds[(x / 2) & 7]);
            redOut[x / 2] = stored(at(&cell, mean, 2), chromaThresholds[(x / 2 + 4) & 7]);
        }
    }
}
