import CFFmpeg
import Foundation
import PipelineKit

/// Writes a frame to an image file.
package enum StillFile {
    /// Image formats that can be written.
    package enum Format: String, Sendable, CaseIterable {
        case jpg
        case png
    }

    /// Converts a frame of BT.709 video and writes it. The file appears only when it is complete.
    package static func write(_ frame: Frame, to path: String, format: Format) throws(MediaError) {
        let log = MediaLog()
        let conversion =
            format == .png
            ? "scale=in_color_matrix=bt709:in_range=tv:flags=accurate_rnd+full_chroma_int,format=rgb24"
            // JPEG uses BT.601 and full range.
            : "scale=in_color_matrix=bt709:in_range=tv:out_color_matrix=bt601:out_range=pc,format=yuvj420p"
        let image = try FrameFilter("[in]\(conversion)[out]", log: log).apply(frame)
        try encode(image, to: path, format: format, log: log)
    }

    /// Writes a frame that already has the pixel format of the file.
    static func encode(_ frame: Frame, to path: String, format: Format, log: MediaLog) throws(MediaError) {
        var settings = Encoder.VideoSettings(
            codec: format == .png ? "png" : "mjpeg", width: frame.width, height: frame.height,
            pixelFormat: frame.pixelFormat, frameRate: Rational(25, 1))
        settings.closedGroups = false
        if format == .jpg { settings.codecOptions = ["flags": "+qscale", "global_quality": "\(118 * 3)"] }
        let encoder = try Encoder(settings, globalHeader: false, log: log)
        frame.pts = 0
        frame.dropSideData()
        if format == .jpg { frame.pointer.pointee.quality = Int32(118 * 3) }
        try encoder.send(frame)
        try encoder.send(nil)
        let packet = try Packet()
        guard try encoder.receive(into: packet), let bytes = packet.pointer.pointee.data else {
            throw MediaError("writing an image", text: "the encoder returned no data", file: path, log: log)
        }
        do {
            try Data(bytes: bytes, count: packet.size).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError ?? error as NSError
            guard cause.domain == NSPOSIXErrorDomain else {
                throw MediaError("writing an image", text: "\(error)", file: path)
            }
            throw MediaError("writing an image", number: -Int32(cause.code), file: path)
        }
    }
}
