import Media
import Testing

@Suite struct SafeTagsTests {
    @Test func keepsWhatDescribesTheContent() {
        let tags = [
            "title": "Sea", "COMMENT": "at dusk", "description": "waves", "genre": "Nature", "copyright": "2024",
            "language": "eng", "title-fra": "Mer",
        ]
        let safe = SafeTags.safe(tags)
        #expect(safe["title"] == "Sea" && safe["comment"] == "at dusk" && safe["title-fra"] == "Mer")
        #expect(safe.count == tags.count)
    }

    @Test(arguments: [
        "location", "location-eng", "com.apple.quicktime.location.ISO6709", "com.apple.quicktime.make", "make", "model",
        "software", "encoder", "artist", "author", "album_artist", "owner", "GPSLatitude", "serial", "device",
        "com.android.version", "creation_time", "title-location", "handler_name", "composer", "©xyz",
    ])
    func dropsWhatIdentifiesAPersonPlaceOrDevice(key: String) {
        #expect(SafeTags.safe([key: "value"]) == [:])
    }

    @Test func dropsThePlaceInAText() {
        #expect(SafeTags.safe(["comment": "shot at +48.8577+002.2950/"]) == [:])
        #expect(SafeTags.safe(["comment": "2+2 is 4.5-0.5"]) != [:])
    }

    @Test func dropsTheTimeOfDay() {
        #expect(SafeTags.safe(["date": "2024-05-01T10:11:12+0200"]) == ["date": "2024-05-01"])
    }
}
