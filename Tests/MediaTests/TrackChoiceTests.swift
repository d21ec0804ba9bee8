import Media
import PipelineKit
import Testing

@Suite struct TrackChoiceTests {
    private func track(
        _ index: Int, language: String? = nil, channels: Int = 2, isDefault: Bool = false, codec: String = "aac",
        isCommentary: Bool? = nil
    ) -> AudioTrack {
        var track = AudioTrack(index: index, codec: codec, sampleRate: 48_000, channels: channels, layout: "stereo")
        track.language = language
        track.isDefault = isDefault
        track.title = isCommentary == true ? "Director" : nil
        track.isCommentary = isCommentary
        return track
    }

    private func media(_ tracks: [AudioTrack]) -> ProbedMedia {
        ProbedMedia(
            source: SourceFile(file: FileReference(path: "/a.mkv", bytes: 1), displayPath: "a.mkv"),
            container: "matroska", duration: 1, video: [], audio: tracks, chosenVideo: 0,
            chosenAudio: choice(tracks)?.index)
    }

    private func choice(_ tracks: [AudioTrack]) -> AudioTrack? {
        var scan = PacketScan()
        for track in tracks { scan.tracks[track.index] = PacketScan.Track(packets: 10) }
        return TrackChoice.audio(of: tracks, scan: scan)
    }

    @Test func prefersTheDefaultThenChannelsThenOrder() {
        #expect(choice([track(1), track(2, isDefault: true), track(3, channels: 6)])?.index == 2)
        #expect(choice([track(1), track(2, channels: 6)])?.index == 2)
        #expect(choice([track(1), track(2)])?.index == 1)
    }

    @Test func passesOverCommentaryEvenWhenItIsTheDefault() {
        #expect(choice([track(1, isDefault: true, isCommentary: true), track(2)])?.index == 2)
        #expect(choice([track(1, isCommentary: true)])?.index == 1)
    }

    @Test(arguments: ["de", "DE", "deu", "ger", "de-AT"]) func findsALanguageUnderAnyOfItsNames(_ wanted: String) throws
    {
        let media = media([track(1, language: "eng", isDefault: true), track(2, language: "ger")])
        #expect(try TrackChoice.audio(of: media, wanted: .language(wanted))?.index == 2)
    }

    @Test func findsATrackByNumber() throws {
        let media = media([track(1), track(4)])
        #expect(try TrackChoice.audio(of: media, wanted: .number(1))?.index == 4)
        #expect(try TrackChoice.audio(of: media, wanted: .auto)?.index == 1)
        #expect(try TrackChoice.audio(of: media, wanted: .none) == nil)
    }

    @Test func namesTheTracksThereAreWhenTheWantedOneIsMissing() throws {
        let media = media([track(1, language: "eng"), track(2, language: "fra", isCommentary: true)])
        let error = try #require(throws: StageError.self) {
            try TrackChoice.audio(of: media, wanted: .language("it"))
        }
        #expect(error.code == .unusableFootage && error.message == "a.mkv has no audio track in “it”")
        #expect(error.hint?.contains("0 (eng, aac, stereo); 1 (fra, aac, stereo, “Director”)") == true)
        #expect(throws: StageError.self) { try TrackChoice.audio(of: media, wanted: .number(2)) }
        #expect(throws: StageError.self) { try TrackChoice.audio(of: media, wanted: .number(-1)) }
    }
}
