import Foundation

/// A minimal MP4 or QuickTime file, built box by box.
struct TestMovie {
    var brand = "isom"
    var codec = "avc1"
    var width = 720
    var height = 1280
    var frames = 60
    /// Ticks a frame at a timescale of 30,000.
    var frameTicks = 1000
    var handler = "vide"
    var payload = 2048
    /// The samples are in one fragment whose `trun` box has these flags; nil for samples in the movie box.
    var runFlags: Int?
    /// The number of samples that the `trun` box has fewer than it announces.
    var missingSamples = 0

    /// The file with the movie box first.
    var data: Data {
        let mdat = box("mdat", Data(repeating: 0xAB, count: payload))
        return box("ftyp", ascii(brand) + uint32(512) + ascii("isom") + ascii("mp41")) + movie + fragment + mdat
    }

    private var fragment: Data {
        guard let runFlags else { return Data() }
        var run = uint32(runFlags) + uint32(frames)
        if runFlags & 0x1 != 0 { run += uint32(0) }
        if runFlags & 0x4 != 0 { run += uint32(0) }
        let fields = [0x100, 0x200, 0x400, 0x800].filter { runFlags & $0 != 0 }
        let sample = fields.reduce(Data()) { $0 + uint32($1 == 0x100 ? frameTicks : 0xFFFF) }
        for _ in 0..<(frames - missingSamples) { run += sample }
        return box("moof", box("traf", box("tfhd", uint32(0) + uint32(1)) + box("trun", run)))
    }

    /// A default duration that no sample uses if the run has durations of its own.
    private var fragmentDefaults: Data {
        guard let runFlags else { return Data() }
        let ticks = runFlags & 0x100 != 0 ? 7 : frameTicks
        return box("mvex", box("trex", uint32(0) + uint32(1) + uint32(1) + uint32(ticks) + zeros(8)))
    }

    private var movie: Data {
        let duration = runFlags == nil ? frames * frameTicks : 0
        let header = box("mvhd", zeros(12) + uint32(30_000) + uint32(duration) + zeros(80))
        let trackHeader = box("tkhd", zeros(12) + uint32(1) + zeros(68))
        let mediaHeader = box("mdhd", zeros(12) + uint32(30_000) + uint32(duration) + zeros(4))
        let handlerBox = box("hdlr", zeros(8) + ascii(handler) + zeros(13))
        let entry = uint32(86) + ascii(codec) + zeros(24) + uint16(width) + uint16(height) + zeros(50)
        let description = box("stsd", uint32(0) + uint32(1) + entry)
        let entries = runFlags == nil ? uint32(1) + uint32(frames) + uint32(frameTicks) : uint32(0)
        let times = box("stts", uint32(0) + entries)
        let media = box("mdia", mediaHeader + handlerBox + box("minf", box("stbl", description + times)))
        return box("moov", header + box("trak", trackHeader + media) + fragmentDefaults)
    }
}

/// A minimal WebM file.
struct TestWebM {
    var codec = "V_VP9"
    var docType = "webm"
    var width = 720
    var height = 1280
    var frames = 50
    var framesPerSecond = 25
    var declaresDuration = true

    var data: Data {
        let header = element(0x1A45_DFA3, element(0x4282, ascii(docType)))
        let milliseconds = frames * 1000 / framesPerSecond
        var info = element(0x2AD7B1, uint32(1_000_000))
        if declaresDuration { info += element(0x4489, uint32(Int(Float(milliseconds).bitPattern))) }
        var track = element(0xD7, Data([1])) + element(0x83, Data([1])) + element(0x86, ascii(codec))
        if declaresDuration { track += element(0x23E383, uint32(1_000_000_000 / framesPerSecond)) }
        track += element(0xE0, element(0xB0, uint16(width)) + element(0xBA, uint16(height)))
        var cluster = element(0xE7, Data([0]))
        for frame in 0..<frames {
            cluster += element(0xA3, Data([0x81]) + uint16(frame * 1000 / framesPerSecond) + Data([0x80, 1, 2, 3]))
        }
        let body =
            element(0x1549_A966, info) + element(0x1654_AE6B, element(0xAE, track)) + element(0x1F43_B675, cluster)
        return header + element(0x1853_8067, body)
    }

    private func element(_ id: UInt32, _ body: Data) -> Data {
        var head = Data(withUnsafeBytes(of: id.bigEndian, Array.init).drop { $0 == 0 })
        head += withUnsafeBytes(of: (UInt64(body.count) | 1 << 56).bigEndian, Array.init)
        return head + body
    }
}

func box(_ type: String, _ body: Data) -> Data { uint32(body.count + 8) + ascii(type) + body }
func ascii(_ text: String) -> Data { Data(text.utf8) }
func zeros(_ count: Int) -> Data { Data(count: count) }
func uint32(_ number: Int) -> Data {
    Data(withUnsafeBytes(of: UInt32(truncatingIfNeeded: number).bigEndian, Array.init))
}
func uint16(_ number: Int) -> Data {
    Data(withUnsafeBytes(of: UInt16(truncatingIfNeeded: number).bigEndian, Array.init))
}
