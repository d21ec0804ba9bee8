import Foundation

/// How to convert the colours of frames to limited-range BT.709 in 8 bits.
package struct ColourPlan: Sendable, Hashable {
    /// The filters that do the conversion.
    package enum Method: Sendable, Hashable {
        /// The scaler converts matrix and range; the primaries are close enough to BT.709.
        case scaler
        /// Wide-gamut primaries are converted in linear light.
        case primaries
        /// HDR is tone-mapped in linear light. `peak` is in units of 100 nits.
        case toneMap(curve: String, peak: Double)
    }

    package var method: Method
    /// Colour tags of the source, all of them specified.
    package var tags: ColourTags
    /// Whether the source has an alpha plane, which is flattened.
    package var hasAlpha: Bool
    /// Whether the source is RGB rather than Y'CbCr.
    package var isRGB: Bool

    /// Decides by the frame's tags. Unspecified tags follow from its size: below 720 lines it is BT.601.
    /// - Parameter peakLuminance: Peak luminance in nits; nil if unspecified.
    package init(
        tags: ColourTags, pixelFormat: String, height: Int, peakLuminance: Double? = nil
    ) {
        isRGB = ["rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr", "pal8", "x2rgb", "x2bgr"].contains {
            pixelFormat.hasPrefix($0)
        }
        hasAlpha =
            ["yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16", "pal8", "ayuv"].contains {
                pixelFormat.hasPrefix($0)
            }
        let isFull = tags.range == "pc" || pixelFormat.hasPrefix("yuvj")
        let transfer = tags.transfer
        let isHDR = transfer == "smpte2084" || transfer == "arib-std-b67"
        let isStandardDefinition = height < 720
        let usualMatrix = isHDR ? "bt2020nc" : isStandardDefinition ? "smpte170m" : "bt709"
        let usualPrimaries = isHDR ? "bt2020" : isStandardDefinition ? "smpte170m" : "bt709"
        let matrix = tags.matrix.flatMap { ["gbr", "ycgco", "ictcp"].contains($0) ? nil : $0 } ?? usualMatrix
        let primaries = tags.primaries ?? (tags.matrix == "bt709" ? "bt709" : usualPrimaries)
        self.tags = ColourTags(
            range: isFull || isRGB ? "pc" : "tv", primaries: primaries,
            // Every SDR transfer curve counts as BT.709, because players treat them alike.
            transfer: isHDR ? transfer : "bt709", matrix: isRGB ? "gbr" : matrix)
        if isHDR {
            // Hable keeps detail in clouds and faces where sharper curves clip to white.
            method = .toneMap(
                curve: "hable", peak: ColourPlan.peak(peakLuminance, isLogGamma: transfer != "smpte2084"))
        } else if ["bt2020", "smpte431", "smpte432", "film", "smpte428"].contains(primaries) {
            method = .primaries
        } else {
            method = .scaler
        }
    }

    /// Peak in units of 100 nits: the content's own for PQ if it is plausible, else 1000 nits.
    static func peak(_ nits: Double?, isLogGamma: Bool) -> Double {
        guard let nits, nits >= 200, nits <= 10_000, !isLogGamma else { return 10 }
        return nits / 100
    }

    /// The filter that declares the colour tags of a graph's frames.
    package static func declaration(_ tags: ColourTags) -> String {
        "setparams=color_primaries=\(tags.primaries ?? "bt709"):color_trc=\(tags.transfer ?? "bt709")"
            + ":colorspace=\(tags.matrix ?? "bt709"):range=\(tags.range ?? "tv")"
    }

    /// Filters that scale to `width`×`height`, before rotation, and do the scaler's part of the conversion.
    package func scaling(width: Int, height: Int) -> [String] {
        let size = "scale=w=\(width):h=\(height):flags=bicubic"
        if hasAlpha {
            // Premultiplying and dropping the alpha plane puts the frame on black.
            guard case .scaler = method else {
                let target = scalerMatrix(latticeTags.matrix)
                return [
                    size, "format=gbrap12", "premultiply=inplace=1", "format=gbrp12",
                    "scale=out_color_matrix=\(target):out_range=tv", "format=\(LUT3D.sourceFormat)",
                ]
            }
            return [size, "format=gbrap", "premultiply=inplace=1", "format=gbrp"] + standardised()
        }
        let range = isRGB ? "" : ":in_range=\(tags.range ?? "tv")"
        switch method {
        case .scaler:
            let source = isRGB ? "" : ":in_color_matrix=\(scalerMatrix(tags.matrix))" + range
            return [
                size + source + ":out_color_matrix=bt709:out_range=tv:sws_dither=ed", "format=yuv420p",
            ]
        case .primaries, .toneMap:
            let target = scalerMatrix(latticeTags.matrix)
            let source = isRGB ? "" : ":in_color_matrix=\(target)" + range
            return [
                size + source + ":out_color_matrix=\(target):out_range=tv", "format=\(LUT3D.sourceFormat)",
            ]
        }
    }

    /// Colour tags of the lattice's input: the source's colours as limited-range Y'CbCr.
    package var latticeTags: ColourTags {
        var tags = tags
        tags.range = "tv"
        if isRGB { tags.matrix = tags.primaries == "bt2020" ? "bt2020nc" : "bt709" }
        return tags
    }

    /// The part of the conversion that is too slow to run on every pixel: to linear light with BT.709 primaries, where 1 is
    /// white. Nil if the scaler does all of it.
    package var latticeFilters: [String]? {
        switch method {
        case .scaler:
            return nil
        case .primaries:
            return ["zscale=t=linear", "format=gbrpf32le", "zscale=p=bt709"]
        case .toneMap(let curve, let peak):
            return [
                "zscale=t=linear:npl=100", "format=gbrpf32le", "zscale=p=bt709",
                String(format: "tonemap=%@:desat=0:peak=%.3f", curve, peak),
            ]
        }
    }

    private func standardised() -> [String] {
        ["scale=out_color_matrix=bt709:out_range=tv:sws_dither=ed", "format=yuv420p"]
    }

    /// The name that the `scale` filter has for a matrix.
    private func scalerMatrix(_ matrix: String?) -> String {
        switch matrix {
        case "smpte170m", "bt470bg", "bt601": "smpte170m"
        case "smpte240m": "smpte240m"
        case "fcc": "fcc"
        case "bt2020nc", "bt2020c": "bt2020"
        default: "bt709"
        }
    }
}
