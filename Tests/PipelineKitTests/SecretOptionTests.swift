import PipelineKit
import Testing

/// A host reads the options of a plugin's stage from their schema, and hides those that are marked there.
@Suite struct SecretOptionTests {
    private struct Options: StageOptions {
        @StageOption("Key of a service.", secret: true) var key = "default key"
        @StageOption("Language.") var language = "en"
        init() {}
    }

    @Test func theSchemaMarksSecretOptionsAndOmitsTheirDefault() {
        let key = Options.schema["properties"]?["key"]
        #expect(key?["writeOnly"] == true)
        #expect(key?["default"] == nil)
        let language = Options.schema["properties"]?["language"]
        #expect(language?["writeOnly"] == nil)
        #expect(language?["default"] == "en")
    }
}
