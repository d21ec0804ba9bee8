import Foundation
import PipelineKit
import Testing

private struct SampleOptions: StageOptions, Equatable {
    enum Fit: String, CaseIterable, OptionValue { case crop, pad, blur }

    @StageOption("How the picture fills the frame.") var fit = Fit.crop
    @StageOption("Longest duration.", range: .seconds(1) ... .seconds(600)) var maxDuration: Duration = .seconds(60)
    @StageOption("Largest file.") var maxSize = ByteCount.gigabytes(1)
    @StageOption("Quality.", range: 0...51) var crf: Int? = nil
    @StageOption("A word that is not shown.", secret: true) var password = "hunter2"
}

@Suite struct OptionTests {
    @Test func timesAreAbsoluteOrAfterTheStartOfTheRun() throws {
        let start = Date(timeIntervalSince1970: 1_000_000)
        #expect(try PostTime.parse("+2h").date(from: start) == start.addingTimeInterval(7200))
        #expect(try PostTime.parse("+90").date(from: start) == start.addingTimeInterval(90))
        for text in ["2026-12-24T18:00:00+01:00", "2026-12-24T17:00:00Z", "2026-12-24 17:00:00.000z"] {
            #expect(try PostTime.parse(.string(text)) == .at(Date(timeIntervalSince1970: 1_798_131_600)), "\(text)")
        }
        for value in ["2h", "tomorrow", "2026-12-24", "2026-13-24T18:00:00Z", "+", "+x", 5, true] as [JSONValue] {
            #expect(throws: OptionProblem.self, "\(value)") { try PostTime.parse(value) }
        }
        #expect(try PostTime.parse(PostTime.after(.seconds(60)).optionJSON) == .after(.seconds(60)))
    }

    @Test func missingOptionsKeepTheirDefaults() throws {
        let options = try SampleOptions.make(from: [:])
        #expect(options.fit == .crop)
        #expect(options.maxDuration == .seconds(60))
        #expect(options.crf == nil)
    }

    @Test func readsUnitsAndChoices() throws {
        let options = try SampleOptions.make(from: [
            "fit": "blur", "maxDuration": "1m30s", "maxSize": "64MiB", "crf": 19,
        ])
        #expect(options.fit == .blur)
        #expect(options.maxDuration == .seconds(90))
        #expect(options.maxSize.bytes == 67_108_864)
        #expect(options.crf == 19)
    }

    @Test func reportsEveryProblemAtOnce() {
        let findings = SampleOptions.findings(in: [
            "fit": "blurr", "maxDuration": 0, "maxSize": [1], "crf": 99, "maxsize": "1GB",
        ])
        let problems = Dictionary(uniqueKeysWithValues: findings.map { ($0.key, $0.problem) })
        #expect(problems["fit"]?.code == "unknown-choice")
        #expect(problems["fit"]?.hint == "did you mean \"blur\"?")
        #expect(problems["maxDuration"]?.message == "must be between 1s and 600s, not 0")
        #expect(problems["maxSize"]?.message == "takes a size such as \"10MB\" or \"1GB\", not a list")
        #expect(problems["crf"]?.code == "out-of-range")
        #expect(problems["maxsize"]?.hint == "did you mean \"maxSize\"?")
        #expect(findings.count == 5)
    }

    @Test func problemsDoNotShowSecretValues() {
        let findings = SampleOptions.findings(in: ["password": 4711])
        #expect(findings.map(\.problem.message) == ["takes text, not the given secret value"])
        #expect(throws: OptionProblem("wrong-type", "takes text, not the given secret value")) {
            try SampleOptions.make(from: ["password": 4711])
        }
    }

    @Test func rejectsBareNumbersAsText() {
        let finding = PostSettings.findings(in: ["title": 2024]).first
        #expect(finding?.problem.message == "takes text, not 2024")
        #expect(finding?.problem.hint == "put it in quotes")
    }

    @Test func describesItselfForHelpAndSchema() throws {
        let crf = try #require(SampleOptions.descriptors.first { $0.name == "crf" })
        #expect(crf.schema["minimum"] == 0)
        #expect(crf.schema["maximum"] == 51)
        #expect(crf.schema["description"] == "Quality.")
        let fit = try #require(SampleOptions.descriptors.first { $0.name == "fit" })
        #expect(fit.schema["enum"] == ["crop", "pad", "blur"])
        #expect(fit.schema["default"] == "crop")
        #expect(SampleOptions.schema["additionalProperties"] == false)
    }

    @Test func neverShowsASecretDefault() throws {
        let password = try #require(SampleOptions.descriptors.first { $0.name == "password" })
        #expect(password.isSecret)
        #expect(try !password.schema.text().contains("hunter2"))
    }

    @Test func valuesAreWrittenAsInPipelineFiles() throws {
        let options = try SampleOptions.make(from: ["maxDuration": 45, "maxSize": 20_000_000])
        #expect(options.values["maxDuration"] == "45s")
        #expect(options.values["maxSize"] == "20MB")
        #expect(try SampleOptions.make(from: options.values.filter { $0.value != .null }) == options)
    }
}

@Suite struct ValueTests {
    @Test(arguments: [
        ("60", 60.0), ("60s", 60), ("1m30s", 90), ("500ms", 0.5), ("2h", 7200), ("00:01:30.5", 90.5), ("1:05", 65),
        ("1d", 86_400),
    ])
    func readsDurations(_ text: String, _ seconds: Double) {
        #expect(Duration(parsing: text)?.inSeconds == seconds)
    }

    @Test(arguments: ["", "abc", "-5s", "5x", "1:2:3:4", "s", "1..5s", "nan", "inf"])
    func rejectsInvalidDurations(_ text: String) {
        #expect(Duration(parsing: text) == nil)
    }

    @Test(arguments: [
        ("10MB", 10_000_000), ("1GB", 1_000_000_000), ("64 MiB", 67_108_864), ("1.5kB", 1500), ("42", 42), ("7b", 7),
    ])
    func readsSizesInDecimalUnits(_ text: String, _ bytes: Int64) {
        #expect(ByteCount(parsing: text)?.bytes == bytes)
    }

    @Test(arguments: ["", "MB", "ten", "1 TBX", "-1MB", "1e400"])
    func rejectsInvalidSizes(_ text: String) {
        #expect(ByteCount(parsing: text) == nil)
    }

    @Test func describesSizesWithOneDecimalPlace() {
        #expect(ByteCount(1_000_000_000).description == "1 GB")
        #expect(ByteCount(73_140_000).description == "73.1 MB")
        #expect(ByteCount(999).description == "999 B")
    }

    @Test func suggestsOnlyCloseNames() {
        #expect(NearestName.of("trascode", in: ["probe", "transcode", "chunk"]) == "transcode")
        #expect(NearestName.of("maxDuraton", in: ["maxDuration", "maxSize"]) == "maxDuration")
        #expect(NearestName.of("xyz", in: ["probe", "chunk"]) == nil)
    }

    @Test func neverShowsASecret() {
        let secret = Secret("act.very-secret")
        var dumped = ""
        dump(secret, to: &dumped)
        #expect(!"\(secret) \(String(reflecting: secret)) \(dumped)".contains("very-secret"))
        #expect(secret.reveal() == "act.very-secret")
    }

    @Test func keepsIntegersBeyondDoublePrecision() throws {
        let value = JSONValue.object(["id": .integer(7_654_132_326_040_947_989)])
        #expect(try value.decode([String: Int64].self)["id"] == 7_654_132_326_040_947_989)
        #expect(try value.text() == #"{"id":7654132326040947989}"#)
    }
}
