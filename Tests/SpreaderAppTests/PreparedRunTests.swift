import Foundation
import PipelineEngine
import PipelineKit
import SpreaderApp
import SpreaderTesting
import Store
import Synchronization
import Testing

/// A pipeline file in a folder of its own, with settings that leave the machine's own data alone.
private struct Bench {
    let folder: MediaFolder
    let settings: Settings

    init() async throws {
        folder = try MediaFolder()
        settings = try await Settings.load().replacing([
            "SPREADER_HOME": folder.path("home"), "SPREADER_DB": "", "SPREADER_ISOLATION": "none",
            "TIKTOK_ACCESS_TOKEN": "", "TIKTOK_REFRESH_TOKEN": "",
        ])
    }

    func write(_ text: String, to name: String) throws -> String {
        let path = folder.path(name)
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    /// Loads a pipeline over footage, and plans it.
    func prepare(
        _ pipeline: String, _ inputs: [String] = [], set: [String] = [],
        authorisation: PreparedRun.AuthorisationCheck = .required,
        _ body: (PreparedRun) async throws -> Void
    ) async throws {
        let selection = try PipelineSelection(file: pipeline, inputs: inputs, set: set)
        try await Workspace.with(settings, for: selection) { workspace in
            var prepared = await PreparedRun.load(selection, in: workspace, authorisation: authorisation)
            await prepared.planFootage()
            try await body(prepared)
        }
    }
}

private let exporting = """
    {"name": "prepare", "stages": [
      {"uses": "probe"}, {"uses": "transcode", "with": {"preset": "ultrafast"}},
      {"uses": "export", "with": {"directory": "OUT"}}
    ]}
    """

@Suite struct PreparedRunTests {
    @Test func namesTheFileThatCannotBeRead() async throws {
        let bench = try await Bench()
        try await bench.prepare(bench.folder.path("missing.json")) { prepared in
            #expect(prepared.pipeline == nil)
            #expect(prepared.findings.map(\.code) == ["unreadable-pipeline"])
            #expect(prepared.refusal == 65)
        }
    }

    @Test func refusesAPipelineWithoutInputs() async throws {
        let bench = try await Bench()
        let file = try bench.write(exporting, to: "prepare.json")
        try await bench.prepare(file) { prepared in
            #expect(prepared.findings.contains { $0.code == "no-input" && $0.location?.line == 1 })
            #expect(prepared.refusal == 65)
            #expect(prepared.plans.isEmpty)
        }
    }

    @Test func aMissingLoginStopsARunButNotACheck() async throws {
        let bench = try await Bench()
        let file = try bench.write(
            #"{"stages": [{"uses": "probe"}, {"uses": "transcode"}, {"uses": "chunk"}, {"uses": "upload"}, {"uses": "publish"}]}"#,
            to: "tiktok.json")
        let clip = try await bench.clip()
        try await bench.prepare(file, [clip]) { prepared in
            #expect(prepared.blocking.map(\.code) == ["missing-credential"])
            #expect(prepared.refusal == 77)
        }
        try await bench.prepare(file, [clip], authorisation: .reported(.warning)) { prepared in
            #expect(prepared.blocking.isEmpty)
            #expect(prepared.plans.first?.steps.map(\.stage) == ["probe", "transcode", "chunk", "upload", "publish"])
        }
    }

    @Test func badFootageIsRefusedAndTheRestRuns() async throws {
        let bench = try await Bench()
        let output = bench.folder.path("out")
        let file = try bench.write(exporting.replacing("OUT", with: output), to: "prepare.json")
        let clip = try await bench.clip()
        let broken = try bench.write("not a video", to: "broken.mp4")
        try await bench.prepare(file, [clip, broken]) { prepared in
            #expect(prepared.blocking.isEmpty)
            #expect(prepared.refusedFootage.map(\.asset) == [broken])
            let events = Mutex<[RunEvent]>([])
            let ready = try await prepared.begin(RunOptions())
            let summary = await ready.execute { event in events.withLock { $0.append(event) } }
            #expect(summary.status == 1)
            #expect(summary.assets == 2)
            guard case .runFinished = events.withLock({ $0.last }) else {
                Issue.record("the last event is not run.finished")
                return
            }
        }
        #expect(FileManager.default.fileExists(atPath: output + "/clip.mp4"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: output) == ["clip.mp4"])
    }

    @Test func aSecondRunOfTheSameCommandResumesAnUnfinishedOne() async throws {
        let bench = try await Bench()
        let file = try bench.write(exporting.replacing("OUT", with: bench.folder.path("out")), to: "prepare.json")
        let clip = try await bench.clip()
        try await bench.prepare(file, [clip], set: ["transcode.crf=30"]) { prepared in
            let first = try await prepared.begin(RunOptions())
            #expect(!first.isResumed)
            #expect(await first.execute { _ in }.status == 0)
            // A finished run is not resumed.
            let second = try await prepared.begin(RunOptions())
            #expect(!second.isResumed && second.record.id != first.record.id)
        }
    }

    @Test func anOverrideOfTheWrongFormIsRefused() {
        #expect(throws: PipelineSelection.InvalidOverride.self) {
            try PipelineSelection(file: "a.json", set: ["transcode=4"])
        }
        #expect(throws: PipelineSelection.InvalidOverride.self) {
            try PipelineSelection(file: "a.json", post: ["title"])
        }
    }
}

extension Bench {
    /// A one-second clip.
    fileprivate func clip() async throws -> String {
        let path = folder.path("clip.mp4")
        // Waiting for another program must not hold one of the few threads that all tests share.
        try await BlockingWork.run(name: "clip") { (_) throws(StageError) in
            do {
                let process = Process()
                process.executableURL = URL(filePath: "/usr/bin/env")
                process.arguments = [
                    "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=1", "-c:v", "libx264",
                    "-preset", "ultrafast", path,
                ]
                try process.run()
                process.waitUntilExit()
            } catch {
                throw StageError(.internalFault, "ffmpeg can't be started: \(error)")
            }
        }
        return path
    }
}
