// Loops over pixels that libav has no filter for. Plain C, so that they are compiled with optimisation in every build.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// Nodes of a colour lattice: one luma step is 16 codes of 10 bits, one chroma step 32.
enum {
    SPREADER_LATTICE_LUMA = 65,
    SPREADER_LATTICE_CHROMA = 33,
    /// Y, Cb, Cr and one unused, so that a node is eight bytes.
    SPREADER_LATTICE_PARTS = 4,
};

/// Planes of a picture in 4:2:0; strides in bytes.
typedef struct {
    uint8_t *_Nonnull planes[3];
    ptrdiff_t strides[3];
} SpreaderPicture;

/// Takes rows `first` … `last` - 1 of a 10-bit 4:2:0 picture through a lattice to 8 bits, with ordered dither.
///
/// `lattice` has LUMA nodes for each of CHROMA × CHROMA pairs (Cr slowest, then Cb, then Y), each of PARTS values in
/// 1/64 of an 8-bit step. Between nodes it is interpolated linearly. `first`, `width` and `height` are even.
void spreader_lattice_rows(
    const SpreaderPicture *_Nonnull from, const SpreaderPicture *_Nonnull to, const uint16_t *_Nonnull lattice,
    int width, int first, int last);
