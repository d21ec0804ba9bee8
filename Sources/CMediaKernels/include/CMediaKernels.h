// Pixel loops that libavfilter does not provide. Plain C, so that every build compiles them with optimisation.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// Spacing and number of the nodes of a 3D LUT over 10-bit codes. Colours bend more along chroma than along luma.
enum {
    SPREADER_LATTICE_LUMA_SHIFT = 5,
    SPREADER_LATTICE_CHROMA_SHIFT = 4,
    SPREADER_LATTICE_LUMA = (1024 >> SPREADER_LATTICE_LUMA_SHIFT) + 1,
    SPREADER_LATTICE_CHROMA = (1024 >> SPREADER_LATTICE_CHROMA_SHIFT) + 1,
    /// Y, Cb, Cr and one unused value, so that a node fills one vector.
    SPREADER_LATTICE_PARTS = 4,
};

/// Planes of a 4:2:0 frame, owned by the caller. Strides are in bytes.
typedef struct {
    uint8_t *_Nonnull planes[3];
    ptrdiff_t strides[3];
} SpreaderPlanes;

/// Maps rows `first` … `last` - 1 of a 10-bit 4:2:0 frame through a 3D LUT to 8 bits, with ordered dither.
///
/// `lattice` has LUMA nodes for each of CHROMA × CHROMA pairs (Cr slowest, then Cb, then Y). A node has PARTS values in
/// 8-bit codes, which may be fractional or out of range. Interpolates linearly between nodes and clips colours to the
/// BT.709 gamut. `first`, `width` and `last` must be even.
void spreader_lattice_rows(
    const SpreaderPlanes *_Nonnull from, const SpreaderPlanes *_Nonnull to, const float *_Nonnull lattice,
    int width, int first, int last);
