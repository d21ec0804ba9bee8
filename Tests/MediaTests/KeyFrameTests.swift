import Media
import PipelineKit
import SpreaderTesting
import Testing

/// Where a file can be cut without decoding.
@Suite struct KeyFrameTests {
    private func track(_ change: (inout SampleClip) -> Void = { _ in }) async throws -> VideoTrack {
        let folder = try MediaFolder()
        var clip = SampleClip(seconds: 2)
        clip.audio = nil
        clip.video?.keyFrameInterval = 15
        clip.video?.codecOptions["bf"] = "2"
        change(&clip)
        return try #require(try await MediaProbe.probe(folder.source("clip", clip)).videoTrack)
    }

    @Test(arguments: ["mp4", "matroska", "mpegts"]) func listsTheKeyFrames(container: String) async throws {
        let track = try await track { $0.container = container }
        let start = try #require(track.startTime)
        let times = try #require(track.keyFrameTimes)
        #expect(times.map { (($0 - start) * 100).rounded() / 100 } == [0, 0.5, 1, 1.5])
        #expect(track.closedGroups == true)
    }

    @Test func findsOpenGroups() async throws {
        let track = try await track {
            $0.video?.closedGroups = false
            $0.video?.codecOptions["x264-params"] = "open-gop=1:scenecut=0"
        }
        #expect(track.closedGroups == false)
    }

    /// Recovery points are key frames to a container, and no IDR frames.
    @Test func takesNoRecoveryPointForAClosedGroup() async throws {
        let track = try await track {
            $0.container = "mpegts"
            $0.video?.codecOptions["bf"] = "0"
            $0.video?.codecOptions["intra-refresh"] = "1"
        }
        #expect(track.closedGroups == false)
    }

    @Test func listsThemForHEVCAndForNothingElse() async throws {
        let hevc = try await track {
            $0.video?.codec = "libx265"
            $0.video?.codecOptions = [
                "preset": "ultrafast", "x265-params": "log-level=none:keyint=15:min-keyint=15:open-gop=0",
            ]
        }
        #expect(hevc.keyFrameTimes?.count == 4 && hevc.closedGroups == true)
        let mpeg4 = try await track {
            $0.video?.codec = "mpeg4"
            $0.video?.codecOptions = [:]
            $0.video?.closedGroups = false
        }
        #expect(mpeg4.keyFrameTimes == nil)
    }
}
