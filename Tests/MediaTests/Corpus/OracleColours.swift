import Foundation

/// How `ffmpeg` is told to bring the colours of footage to BT.709.
enum OracleColours {
    /// Y'CbCr with a matrix, as the scaler names it.
    case matrix(String, range: String)
    /// Other primaries.
    case primaries(String, matrix: String, range: String)
    /// HDR, with `zscale` names of its transfer, matrix and primaries.
    case highDynamicRange(transfer: String)
    /// Transparency, which stands on black.
    case transparent

    /// A delivery, which is always BT.709.
    static let delivery = OracleColours.matrix("bt709", range: "tv")

    /// By the tags; what has none is BT.601 when it is small, or when its codec knows nothing else.
    init(of stream: OracleFacts.Stream) {
        func told(_ tag: String?) -> String? { tag.flatMap { ["unknown", "reserved"].contains($0) ? nil : $0 } }
        let format = stream.pix_fmt ?? ""
        let range = told(stream.color_range) ?? (format.hasPrefix("yuvj") ? "pc" : "tv")
        let isSmall = min(stream.width ?? 0, stream.height ?? 0) < 720 || stream.codec_name == "vp8"
        let matrix = told(stream.color_space) ?? (isSmall ? "smpte170m" : "bt709")
        if format.contains("yuva") {
            self = .transparent
        } else if let transfer = told(stream.color_transfer), ["smpte2084", "arib-std-b67"].contains(transfer) {
            self = .highDynamicRange(transfer: transfer)
        } else if let primaries = told(stream.color_primaries), ["bt2020", "smpte432"].contains(primaries) {
            self = .primaries(primaries, matrix: matrix, range: range)
        } else {
            self = .matrix(["bt2020nc": "bt2020", "bt470bg": "smpte170m"][matrix] ?? matrix, range: range)
        }
    }

    /// Filters that bring a frame to its size and to BT.709.
    func filters(size: String) -> [String] {
        switch self {
        case .matrix(let matrix, let range):
            ["scale=\(size):in_color_matrix=\(matrix):in_range=\(range)", "format=gbrp"]
        case .primaries(let primaries, let matrix, let range):
            [
                "scale=\(size)", "format=yuv444p10le",
                "zscale=pin=\(primaries):tin=bt709:min=\(matrix):rin=\(range):p=bt709:t=bt709:m=gbr:r=pc",
                "format=gbrp",
            ]
        case .highDynamicRange(let transfer):
            [
                "scale=\(size)", "format=yuv444p10le",
                "zscale=pin=bt2020:tin=\(transfer):min=bt2020nc:rin=tv:t=linear:npl=100", "format=gbrpf32le",
                "zscale=p=bt709", "tonemap=hable:desat=0", "zscale=t=bt709:m=gbr:r=pc", "format=gbrp",
            ]
        case .transparent:
            ["scale=in_color_matrix=bt709", "format=gbrap", "premultiply=inplace=1", "format=gbrp", "scale=\(size)"]
        }
    }
}
