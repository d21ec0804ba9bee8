import Foundation
import Media
import PipelineKit
import SpreaderTesting
import Testing

/// The lattice stands in for zscale and tonemap: its frames must be theirs.
@Suite struct ToneMapTests {
    private func footage(
        _ folder: MediaFolder, transfer: String, pattern: SampleClip.Pattern = .test, filters: String? = nil
    ) throws -> SourceFile {
        var clip = SampleClip(width: 540, height: 960, seconds: 0.1)
        clip.pattern = pattern
        clip.filters = filters
        clip.audio = nil
        clip.video?.codec = "libx265"
        clip.video?.pixelFormat = "yuv420p10le"
        clip.video?.codecOptions = ["preset": "ultrafast", "x265-params": "log-level=none:crf=4"]
        clip.video?.colour = ColourTags(range: "tv", primaries: "bt2020", transfer: transfer, matrix: "bt2020nc")
        return try folder.source("\(transfer).mp4", clip)
    }

    @Test(arguments: ["smpte2084", "arib-std-b67"]) func looksLikeTheFiltersThatItWasSampledFrom(transfer: String)
        async throws
    {
        let folder = try MediaFolder()
        let source = try footage(folder, transfer: transfer)
        let delivery = try await folder.deliver(source) {
            $0.crf = 1
            $0.maxrate = 50_000_000
        }
        let chain =
            "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0:peak=10,"
            + "zscale=t=bt709,format=gbrp,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"
        let reference = try FrameReader.colours(of: source.file.path, filters: chain)
        let delivered = try FrameReader.colours(of: delivery.path, filters: "null")
        let difference = FrameReader.difference(reference, delivered)
        #expect(difference < 1.5, "mean difference \(difference)")
    }

    /// Colours of BT.2020 that BT.709 has not are cut to the nearest that it has, pixel by pixel, not paled.
    @Test(arguments: ["smpte2084", "arib-std-b67"]) func coloursOutsideTheTargetKeepTheirStrength(transfer: String)
        async throws
    {
        let levels = [20, 128, 225]
        let patches = levels.flatMap { red in levels.flatMap { green in levels.map { (red, green, $0) } } }
        let drawing =
            "format=rgb24,"
            + patches.enumerated().map { number, patch in
                let colour = String(format: "0x%02x%02x%02x", patch.0, patch.1, patch.2)
                return "drawbox=x=\(number % 3 * 180):y=\(number / 3 * 106):w=180:h=106:color=\(colour):t=fill"
            }.joined(separator: ",")
        let folder = try MediaFolder()
        let source = try footage(folder, transfer: transfer, pattern: .plain("gray"), filters: drawing)
        let delivery = try await folder.deliver(source) {
            $0.crf = 1
            $0.maxrate = 50_000_000
        }
        let chain =
            "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0:peak=10,"
            + "zscale=t=bt709,format=gbrp"
        let reference = try FrameReader.colours(of: source.file.path, filters: chain)
        let delivered = try FrameReader.colours(of: delivery.path, filters: "null")
        for (number, patch) in patches.enumerated() {
            // The frames come at a sixth of their size.
            let place = ((number / 3 * 106 + 53) / 6 * 90 + number % 3 * 30 + 15) * 3
            let (wanted, got) = (reference[place..<place + 3], delivered[place..<place + 3])
            let worst = zip(wanted, got).map { abs(Int($0) - Int($1)) }.max() ?? 255
            #expect(worst <= 13, "\(patch): \(Array(wanted)) became \(Array(got))")
        }
    }

    @Test func transparencyDoesNotKeepHDRFromBeingMapped() async throws {
        let folder = try MediaFolder()
        func delivered(_ codec: String, _ format: String) async throws -> (Int, Int, Int) {
            var clip = SampleClip(width: 540, height: 960, seconds: 0.2)
            clip.pattern = .corners
            clip.container = "mov"
            clip.audio = nil
            clip.video?.codec = codec
            clip.video?.pixelFormat = format
            clip.video?.codecOptions = [:]
            clip.video?.colour = ColourTags(
                range: "tv", primaries: "bt2020", transfer: "smpte2084", matrix: "bt2020nc")
            let source = try folder.source("\(format).mov", clip)
            let delivery = try await folder.deliver(source, as: "\(format).mp4")
            return try PixelReader.colour(of: delivery.path, x: 0.5, y: 0.5)
        }
        let opaque = try await delivered("prores_ks", "yuv444p10le")
        let transparent = try await delivered("prores_ks", "yuva444p10le")
        #expect(abs(opaque.0 - transparent.0) <= 4 && abs(opaque.2 - transparent.2) <= 4, "\(opaque) \(transparent)")
    }

    /// WebM keeps transparency in a second stream within the first, which FFmpeg's own decoders leave out.
    @Test func transparencyOfWebMIsFlattened() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 540, height: 960, seconds: 0.3)
        clip.container = "webm"
        clip.pattern = .plain("red")
        clip.audio = nil
        clip.video?.codec = "libvpx-vp9"
        clip.video?.pixelFormat = "yuva420p"
        clip.video?.codecOptions = ["auto-alt-ref": "0"]
        clip.filters = "format=yuva420p,geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='if(lt(Y,480),0,255)'"
        clip.videoTags = ["alpha_mode": "1"]
        let delivery = try await folder.deliver(folder.source("a.webm", clip))
        #expect(try PixelReader.name(of: delivery.path, x: 0.5, y: 0.2) == "black")
        #expect(try PixelReader.name(of: delivery.path, x: 0.5, y: 0.8) == "red")
    }

    @Test func neitherClipsNorWashesOut() async throws {
        let folder = try MediaFolder()
        let delivery = try await folder.deliver(footage(folder, transfer: "arib-std-b67", pattern: .corners))
        for (x, y, name) in [(0.1, 0.1, "red"), (0.9, 0.1, "green"), (0.1, 0.9, "blue"), (0.9, 0.9, "white")] {
            #expect(try PixelReader.name(of: delivery.path, x: x, y: y) == name)
        }
        let red = try PixelReader.colour(of: delivery.path, x: 0.1, y: 0.1)
        #expect(red.0 > 150 && red.0 - red.1 > 110, "\(red)")
        let grey = try PixelReader.colour(of: delivery.path, x: 0.5, y: 0.5)
        #expect((70...190).contains(grey.0) && abs(grey.0 - grey.2) < 6, "\(grey)")
    }
}
