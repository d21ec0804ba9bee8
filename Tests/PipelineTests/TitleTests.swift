import Foundation
import PipelineKit
import Testing

@testable import PipelineEngine
@testable import PipelineFile

/// The title of one asset, from pipeline, sidecar and placeholders.
@Suite struct TitleTests {
    private static let stages = #""stages": [{"uses": "look"}, {"uses": "cook"}, {"uses": "send"}]"#

    private func check(_ post: String) -> (Pipeline?, [String]) {
        let (pipeline, findings) = PipelineChecker(registry: testRegistry, environment: { _ in nil })
            .check(PipelineDocument(#"{"post": \#(post), \#(Self.stages)}"#, file: "p.json"))
        return (pipeline, findings.map(\.text))
    }

    private func title(_ post: String, sidecar: [String: JSONValue] = [:]) throws -> String {
        let (pipeline, findings) = check(post)
        let checked = try #require(pipeline, "\(findings)")
        let asset = AssetInput(name: "in/Ep 12.mov", path: "/in/Ep 12.mov", post: sidecar)
        return try AssetPost(pipeline: checked, asset: asset, date: Date(timeIntervalSince1970: 1_000_000))
            .settings.title
    }

    @Test func fieldsFillTheTitle() throws {
        #expect(
            try title(#"{"title": "{{ name }} ({{date}}): {{ show }} {{ n }}", "fields": {"show": "Live", "n": 7}}"#)
                == "Ep 12 (1970-01-12): Live 7")
    }

    @Test func aSidecarsFieldsComeFirstAndLeaveTheOthers() throws {
        let post = #"{"title": "{{ show }} {{ episode }}", "fields": {"show": "Live", "episode": null}}"#
        #expect(try title(post, sidecar: ["fields": ["episode": 12]]) == "Live 12")
        #expect(try title(post, sidecar: ["fields": ["episode": 12, "show": "Studio"]]) == "Studio 12")
        #expect(
            try title(post, sidecar: ["title": "{{ guest }}!", "fields": ["guest": "{{ name }}"]]) == "{{ name }}!")
    }

    @Test func hashtagsFollowTheTitleOnce() throws {
        #expect(
            try title(##"{"title": "Out now #Launch", "hashtags": ["#launch", "trailer", "Trailer", "größe_2"]}"##)
                == "Out now #Launch #trailer #größe_2")
        #expect(try title(#"{"title": "", "hashtags": "a #b"}"#) == "#a #b")
        #expect(
            try title(#"{"title": "{{ name }}", "hashtags": ["x"]}"#, sidecar: ["hashtags": ["y"]]) == "Ep 12 #y")
        #expect(check(#"{"hashtags": ["two words"]}"#).1.first?.contains("a hashtag is one word") == true)
        let long = String(repeating: "a", count: 2195)
        let error = #expect(throws: StageError.self) {
            try title(##"{"title": "\##(long)", "hashtags": ["launch"]}"##)
        }
        #expect(error?.message.contains("2203 UTF-16 units") == true)
    }

    @Test func aFieldWithoutAValueNamesTheSidecar() throws {
        let error = #expect(throws: StageError.self) {
            try title(#"{"title": "{{ episode }}", "fields": {"episode": null}}"#)
        }
        #expect(error?.message == #"the title of in/Ep 12.mov has no value for "{{ episode }}""#)
        #expect(error?.hint?.contains("Ep 12.json") == true)
    }

    @Test func placeholdersAreDeclared() {
        #expect(
            check(#"{"title": "{{ episod }}", "fields": {"episode": 1}}"#).1 == [
                #"p.json:1:20: error: the title has an unknown placeholder "{{ episod }}" (did you mean "episode"?)"#
            ])
        #expect(check(#"{"title": "{{ zzzz }}"}"#).1.first?.contains("declare others under \"fields\"") == true)
    }

    @Test(arguments: [
        (#"{"fields": 3}"#, "takes an object of text, numbers or null"),
        (#"{"fields": {"name": "x"}}"#, "can't set \"name\""),
        (#"{"fields": {"a b": "x"}}"#, "use a letter, then letters"),
        (#"{"fields": {"a": [1]}}"#, "for \"a\""),
    ])
    func badFieldsAreFound(post: String, words: String) {
        #expect(check(post).1.first?.contains(words) == true, "\(check(post).1)")
    }
}
