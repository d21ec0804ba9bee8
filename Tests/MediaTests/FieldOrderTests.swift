import Media
import PipelineKit
import SpreaderTesting
import Testing

/// Fields are what the frames show, not what a flag says.
@Suite struct FieldOrderTests {
    // The sharp lines of the test frame look like fields.
    private static let soft = "gblur=sigma=2"
    private static let woven = soft + ",settb=1/50,setpts=N,tinterlace=interleave_top"

    private func track(_ change: (inout SampleClip) -> Void) async throws -> (VideoTrack, [String]) {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 320, height: 240, frameRate: Rational(25, 1), seconds: 2)
        clip.audio = nil
        clip.filters = Self.soft
        change(&clip)
        let media = try await MediaProbe.probe(folder.source("clip", clip))
        return (try #require(media.videoTrack), media.warnings)
    }

    @Test func believesAFlagThatTheFramesConfirm() async throws {
        let (track, warnings) = try await track {
            $0.video?.interlaced = true
            $0.filters = Self.woven
        }
        #expect(track.fieldOrder == "tt" && track.claimedFieldOrder == nil && warnings == [])
    }

    @Test func findsProgressiveFramesBehindAFlag() async throws {
        let (track, warnings) = try await track { $0.video?.interlaced = true }
        #expect(track.fieldOrder == "progressive" && track.claimedFieldOrder == "tt")
        #expect(warnings == ["flagged interlaced, but the frames are progressive"])
    }

    @Test func keepsTheFlagWhenNothingMoves() async throws {
        let (track, _) = try await track {
            $0.video?.interlaced = true
            $0.pattern = .corners
        }
        #expect(track.fieldOrder == "tt" && track.claimedFieldOrder == nil)
    }

    @Test func findsFieldsThatNothingAnnounces() async throws {
        let (track, warnings) = try await track {
            $0.container = "avi"
            $0.video = Encoder.VideoSettings(
                codec: "mpeg4", width: 720, height: 576, pixelFormat: "yuv420p", frameRate: Rational(25, 1))
            $0.video?.bitRate = 6_000_000
            $0.video?.closedGroups = false
            $0.filters = Self.woven
        }
        #expect(track.fieldOrder == "tt" && track.claimedFieldOrder == "unknown")
        #expect(warnings == ["not flagged, but the frames are interlaced, top field first"])
    }

    @Test func leavesProgressiveTelevisionAlone() async throws {
        let (track, warnings) = try await track {
            $0.container = "avi"
            $0.video = Encoder.VideoSettings(
                codec: "mpeg4", width: 720, height: 576, pixelFormat: "yuv420p", frameRate: Rational(25, 1))
            $0.video?.bitRate = 6_000_000
            $0.video?.closedGroups = false
        }
        #expect(track.fieldOrder == "progressive" && track.claimedFieldOrder == nil && warnings == [])
    }

    @Test func knowsFilmWithPulldown() async throws {
        let (track, warnings) = try await track {
            $0.video?.interlaced = true
            $0.video?.frameRate = Rational(30, 1)
            $0.filters = Self.soft + ",telecine=pattern=23,settb=1/30,setpts=N"
        }
        #expect(track.fieldOrder == "telecine" && track.claimedFieldOrder == "tt")
        #expect(warnings == ["flagged interlaced, but the frames are film with 3:2 pulldown, which is left alone"])
    }
}
