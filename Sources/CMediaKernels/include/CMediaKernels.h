// Loops over pixels that libav has no filter for. Plain C, so that they are compiled with optimisation in every build.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// Nodes of a colour lattice over codes of 10 bits. Colours bend more along chroma than along luma.
enum {
    SPREADER_LATTICE_LUMA_SHIFT = 5,
    SPREADER_LATTICE_CHROMA_SHIFT = 4,
    SPREADER_LATTICE_LUMA = (1024 >> SPREADER_LATTICE_LUMA_SHIFT) + 1,
    SPREADER_LATTICE_CHROMA = (1024 >> SPREADER_LATTICE_CHROMA_SHIFT) + 1,
    /// Y, Cb, Cr and one unused, so that a node is one vector.
    SPREADER_LATTICE_PARTS = 4,
};

/// Planes of a picture in 4:2:0; strides in bytes.
typedef struct {
    uint8_t *_Nonnull planes[3];
    ptrdiff_t strides[3];
} SpreaderPicture;

/// Takes rows `first` … `last` - 1 of a 10-bit 4:2:0 picture through a lattice to 8 bits, with ordered dither.
///
/// `lattice` has LUMA nodes for each of CHROMA × CHROMA pairs (Cr slowest, then Cb, then Y), each of PARTS codes of
/// 8 bits, with fractions and also beyond what 8 bits hold. Between nodes it is interpolated linearly, and colours are cut
/// to what BT.709 has. `first`, `width` and `last` are even.
void spreader_lattice_rows(
    const SpreaderPicture *_Nonnull from, const SpreaderPicture *_Nonnull to, const float *_Nonnull lattice,
    int width, int first, int last);
