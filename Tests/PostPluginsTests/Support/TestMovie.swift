import Foundation
import PipelineKit
import TikTok

/// A minimal MP4 whose boxes are valid and whose media data is filler: enough for a probe that reads no pictures.
enum TestMovie {
    /// Writes a movie of exactly `bytes` bytes.
    static func write(
        to url: URL, bytes: Int, width: UInt16 = 1080, height: UInt16 = 1920, seconds: UInt32 = 3,
        frameRate: UInt32 = 30
    ) throws {
        let frames = seconds * frameRate
        var entry = Data(count: 6) + number(UInt16(1)) + Data(count: 16) + number(width) + number(height)
        entry += number(UInt32(0x0048_0000)) + number(UInt32(0x0048_0000)) + Data(count: 4) + number(UInt16(1))
        entry += Data(count: 32) + number(UInt16(24)) + number(UInt16(0xffff))
        let table =
            box("stsd", Data(count: 4) + number(UInt32(1)) + box("avc1", entry))
            + box("stts", Data(count: 4) + number(UInt32(1)) + number(frames) + number(UInt32(1)))
        let media =
            box("mdhd", Data(count: 12) + number(frameRate) + number(frames) + Data(count: 4))
            + box("hdlr", Data(count: 8) + Data("vide".utf8) + Data(count: 13)) + box("minf", box("stbl", table))
        let header = Data(count: 4) + Data(count: 8) + number(UInt32(1)) + Data(count: 72)
        let movie = box("moov", box("trak", box("tkhd", header) + box("mdia", media)))
        var file = box("ftyp", Data("isom".utf8) + number(UInt32(512)) + Data("isomavc1".utf8)) + movie
        let filler = bytes - file.count - 8
        precondition(filler > 0, "the movie is too small for its boxes")
        file += number(UInt32(filler + 8)) + Data("mdat".utf8)
        var noise = [UInt8](repeating: 0, count: filler)
        var state: UInt32 = 1
        for index in stride(from: 0, to: filler, by: 97) {
            state = state &* 1_664_525 &+ 1_013_904_223
            noise[index] = UInt8(truncatingIfNeeded: state >> 24)
        }
        file += noise
        try file.write(to: url)
    }

    private static func number(_ value: some FixedWidthInteger) -> Data {
        withUnsafeBytes(of: value.bigEndian) { Data($0) }
    }

    private static func box(_ type: String, _ body: Data) -> Data {
        number(UInt32(body.count + 8)) + Data(type.utf8) + body
    }
}

/// A prepared video in a folder of its own.
struct TestVideo {
    let folder: URL
    var prepared: PreparedVideo

    /// Makes a movie of `bytes` bytes.
    init(
        bytes: Int, width: UInt16 = 1080, height: UInt16 = 1920, frameRate: UInt32 = 30, duration: Double = 3,
        coverTime: Double? = nil
    ) async throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "post-plugins-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let url = folder.appending(path: "clip.mp4")
        try TestMovie.write(to: url, bytes: bytes, width: width, height: height, frameRate: frameRate)
        let digest = try await FileSource(path: url.path).sha256()
        let file = FileReference(path: url.path, bytes: Int64(bytes), sha256: digest)
        var video = PreparedVideo(
            file: file, source: SourceFile(file: file, displayPath: "clip.mp4"), strategy: .copy, width: Int(width),
            height: Int(height), duration: duration, frameRate: Rational(Int(frameRate), 1))
        video.coverTime = coverTime
        prepared = video
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }
}
