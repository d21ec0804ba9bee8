import Foundation
import PipelineKit
import Testing

extension EndToEnd {
    /// Outputs that later runs reuse.
    @Suite(.serialized) struct CacheTests {
        private func place() async throws -> Place {
            let place = try Place()
            try await place.clip("a.mp4")
            for (name, crf) in [("one", 23), ("two", 23), ("three", 30)] {
                try place.write(
                    "\(name).json",
                    """
                    {"name": "\(name)", "stages": [{"uses": "probe"},
                     {"uses": "transcode", "with": {"crf": \(crf), "preset": "ultrafast"}},
                     {"uses": "export", "with": {"directory": "out-\(name)"}}]}
                    """)
            }
            return place
        }

        private func run(
            _ name: String, _ asset: String, _ place: Place, _ more: [String] = [], environment: [String: String] = [:]
        ) async throws -> (reused: [String], events: [JSONValue]) {
            let outcome = try await Program.run(
                ["run", "\(name).json", asset, "--format", "json"] + more, in: place, environment: environment)
            #expect(outcome.status == 0, "\(outcome.messages)")
            let events = try outcome.events()
            return (
                events.filter { $0["event"] == "stage.reused" }.compactMap { $0["stage"]?.stringValue }, events
            )
        }

        private func digest(_ place: Place, _ path: String) throws -> Data {
            try Data(contentsOf: place.work.appending(path: path))
        }

        @Test func otherPipelinesReuseWhatOneMade() async throws {
            let place = try await place()
            #expect(try await run("one", "a.mp4", place).reused == [])
            let second = try await run("two", "a.mp4", place)
            #expect(second.reused == ["probe", "transcode"])
            let reason = second.events.first { $0["event"] == "stage.reused" }?["reason"]?.stringValue ?? ""
            #expect(reason.hasPrefix("made in run "))
            #expect(try digest(place, "out-one/a.mp4") == digest(place, "out-two/a.mp4"))
            // Another option, another output; the probe before it is the same.
            #expect(try await run("three", "a.mp4", place).reused == ["probe"])
            #expect(try await run("two", "a.mp4", place, ["--no-cache"]).reused == [])
            #expect(try await run("one", "a.mp4", place, environment: ["SPREADER_CACHE_SIZE": "0"]).reused == [])
        }

        @Test func theSameFootageElsewhereIsTheSame() async throws {
            let place = try await place()
            _ = try await run("one", "a.mp4", place)
            try FileManager.default.createDirectory(
                at: place.work.appending(path: "other"), withIntermediateDirectories: true)
            try FileManager.default.copyItem(
                at: place.work.appending(path: "a.mp4"), to: place.work.appending(path: "other/a.mp4"))
            let moved = try await run("two", "other/a.mp4", place)
            #expect(moved.reused == ["probe", "transcode"])
            let exported = moved.events.first { $0["event"] == "stage.finished" && $0["stage"] == "export" }
            #expect(exported?["asset"] == "other/a.mp4")
            // Stages may use the footage's name.
            try FileManager.default.copyItem(
                at: place.work.appending(path: "a.mp4"), to: place.work.appending(path: "b.mp4"))
            #expect(try await run("two", "b.mp4", place).reused == [])
        }

        @Test func footageNamedByItsWholePathIsReused() async throws {
            let place = try await place()
            let path = place.work.appending(path: "a.mp4").path
            _ = try await run("one", path, place)
            #expect(try await run("two", path, place).reused == ["probe", "transcode"])
            #expect(try await run("two", "a.mp4", place).reused == ["probe", "transcode"])
        }

        @Test func coversAreWrittenEachTime() async throws {
            let place = try await place()
            try place.write(
                "cover.json",
                """
                {"stages": [{"uses": "probe"}, {"uses": "transcode", "with": {"preset": "ultrafast"}},
                 {"uses": "cover", "with": {"save": "covers"}}]}
                """)
            for _ in 0..<2 {
                _ = try await run("cover", "a.mp4", place)
                let covers = place.work.appending(path: "covers")
                #expect(try FileManager.default.contentsOfDirectory(atPath: covers.path).count == 1)
                try FileManager.default.removeItem(at: covers)
            }
        }

        @Test func anEditedPluginIsAskedAgainAndItsSecretsAreKeptNowhere() async throws {
            let place = try await place()
            #expect(
                try await Program.run(["plugins", "new", "mark", "--language", "python"], in: place).status == 0)
            let file = place.work.appending(path: "plugins/mark/mark_stage.py")
            var code = try String(contentsOf: file, encoding: .utf8)
            code = code.replacing(
                "    options = {",
                with: """
                        options = {
                            "auth": {"type": "object", "description": "A login.",
                                     "properties": {"token": {"type": "string", "writeOnly": True}}},
                            "logo": {"type": "string", "format": "path", "description": "A picture."},
                    """)
            try place.write("plugins/mark/mark_stage.py", code)
            try place.write("logo.png", "one")
            try place.write(
                "p.json",
                """
                {"stages": [{"uses": "probe"}, {"uses": "mark",
                 "with": {"auth": {"token": "t0ken-of-another-service"}, "logo": "logo.png"}}]}
                """)
            #expect(try await run("p", "a.mp4", place).reused == [])
            #expect(try await run("p", "a.mp4", place).reused == ["probe", "mark"])
            // What is in its files counts, not when they were written.
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: file.path)
            #expect(try await run("p", "a.mp4", place).reused == ["probe", "mark"])
            try place.write("logo.png", "another")
            #expect(try await run("p", "a.mp4", place).reused == ["probe"])
            try place.write("plugins/mark/mark_stage.py", code + "\n# edited\n")
            #expect(
                try await Program.run(["explain", "mark", "p.json", "a.mp4"], in: place).output.contains(
                    "the plugin's files have changed, but its version has not"))
            #expect(try await run("p", "a.mp4", place).reused == ["probe"])
            // A folder counts with all that is in it.
            try FileManager.default.removeItem(at: place.work.appending(path: "logo.png"))
            try FileManager.default.createDirectory(
                at: place.work.appending(path: "logo.png/deep"), withIntermediateDirectories: true)
            try place.write("logo.png/deep/a.png", "one")
            #expect(try await run("p", "a.mp4", place).reused == ["probe"])
            #expect(try await run("p", "a.mp4", place).reused == ["probe", "mark"])
            try place.write("logo.png/deep/b.png", "two")
            #expect(try await run("p", "a.mp4", place).reused == ["probe"])
            // Where the plugin is being written, and only linked to.
            let elsewhere = place.work.appending(path: "mark-source")
            try FileManager.default.moveItem(at: file.deletingLastPathComponent(), to: elsewhere)
            try FileManager.default.createSymbolicLink(
                at: place.work.appending(path: "plugins/mark"), withDestinationURL: elsewhere)
            _ = try await run("p", "a.mp4", place)
            #expect(try await run("p", "a.mp4", place).reused == ["probe", "mark"])
            try place.write("mark-source/mark_stage.py", code + "\n# edited there\n")
            #expect(try await run("p", "a.mp4", place).reused == ["probe"])
            let files = try #require(FileManager.default.enumerator(atPath: place.home.path)?.allObjects as? [String])
            for name in files {
                let data = FileManager.default.contents(atPath: place.home.appending(path: name).path) ?? Data()
                #expect(data.range(of: Data("t0ken-of-another-service".utf8)) == nil, "\(name)")
            }
            let explained = try await Program.run(
                ["explain", "mark", "p.json", "a.mp4", "--set", #"mark.auth={"token": "another"}"#], in: place)
            #expect(explained.output.contains("a secret option may have changed: auth"), "\(explained.output)")
        }

        @Test func whatWasChangedIsNotReused() async throws {
            let place = try await place()
            _ = try await run("one", "a.mp4", place)
            // The exported file may be another name of the cached one.
            let file = try FileHandle(forUpdating: place.work.appending(path: "out-one/a.mp4"))
            try file.seek(toOffset: 5000)
            try file.write(contentsOf: Data("changed by its owner".utf8))
            try file.close()
            #expect(try await run("two", "a.mp4", place).reused == ["probe"])
            try await place.clip("a.mp4", seconds: 2)
            #expect(try await run("two", "a.mp4", place).reused == [])
        }

        @Test func filesBesideTheFootageCount() async throws {
            let place = try await place()
            try place.write(
                "captions.json",
                """
                {"stages": [{"uses": "probe"}, {"uses": "subtitles"},
                 {"uses": "transcode", "with": {"preset": "ultrafast"}},
                 {"uses": "export", "with": {"directory": "out"}}]}
                """)
            _ = try await run("captions", "a.mp4", place)
            #expect(try await run("captions", "a.mp4", place).reused == ["probe", "subtitles", "transcode"])
            try place.write("a.srt", "1\n00:00:00,000 --> 00:00:00,900\nHello\n")
            #expect(try await run("captions", "a.mp4", place).reused == ["probe"])
            let explained = try await Program.run(["explain", "subtitles", "captions.json", "a.mp4"], in: place)
            #expect(explained.output.contains("a.mp4: subtitles reused"), "\(explained.output)")
            try place.write("a.srt", "1\n00:00:00,000 --> 00:00:00,900\nBye\n")
            let changed = try await Program.run(["explain", "transcode", "captions.json", "a.mp4"], in: place)
            #expect(changed.output.contains("transcode runs, because subtitles before it runs"), "\(changed.output)")
            #expect(changed.output.contains("a.srt has changed"), "\(changed.output)")
        }

        @Test func explainNamesTheOptionThatDiffers() async throws {
            let place = try await place()
            let off = try await Program.run(
                ["explain", "transcode", "one.json", "a.mp4"], in: place, environment: ["SPREADER_CACHE_SIZE": "0"])
            #expect(off.output.contains("SPREADER_CACHE_SIZE is 0"))
            let before = try await Program.run(["explain", "transcode", "one.json", "a.mp4"], in: place)
            #expect(before.output.contains("the cache has no output of probe for a.mp4"), "\(before.output)")
            _ = try await run("one", "a.mp4", place)
            let same = try await Program.run(["explain", "transcode", "two.json", "a.mp4"], in: place)
            #expect(same.output.contains("a.mp4: transcode reused: made in run "))
            let other = try await Program.run(["explain", "transcode", "three.json", "a.mp4"], in: place)
            #expect(other.output == "a.mp4: transcode runs\n  · option crf is 30, it was 23\n")
            try FileManager.default.removeItem(at: place.home.appending(path: "cache/files"))
            let gone = try await Program.run(["explain", "transcode", "one.json", "a.mp4"], in: place)
            #expect(gone.output.contains("a file that it created is missing"), "\(gone.output)")
            let wrong = try await Program.run(["explain", "transcod", "one.json", "a.mp4"], in: place)
            #expect(wrong.status == 64)
            #expect(wrong.messages.contains("did you mean \"transcode\"?"))
        }

        @Test func runsAtTheSameTimeShareSafely() async throws {
            let place = try await place()
            let outcomes = try await withThrowingTaskGroup(of: Program.Outcome.self) { group in
                for name in ["one", "two", "one", "two"] {
                    group.addTask {
                        try await Program.run(
                            ["run", "\(name).json", "a.mp4", "--work-dir", "work-\(UUID().uuidString)"], in: place)
                    }
                }
                group.addTask { try await Program.run(["cache", "prune", "--all"], in: place) }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            // The same command at the same time is told so; everything else is delivered.
            #expect(outcomes.allSatisfy { $0.status == 0 || $0.messages.contains("already in progress") })
            #expect(try digest(place, "out-one/a.mp4").count > 1000)
            #expect(try digest(place, "out-one/a.mp4") == digest(place, "out-two/a.mp4"))
        }

        @Test func pruningTakesTheOldestFirstAndTheFilesWithIt() async throws {
            let place = try await place()
            _ = try await run("one", "a.mp4", place)
            _ = try await run("three", "a.mp4", place)
            _ = try await run("two", "a.mp4", place)
            let list = try await Program.run(["cache", "ls", "--format", "json"], in: place)
            guard case .array(let entries) = try JSONDecoder().decode(JSONValue.self, from: Data(list.output.utf8))
            else {
                return #expect(Bool(false))
            }
            #expect(entries.count == 3)
            let sizes = entries.compactMap { $0["bytes"]?.integerValue }
            let pruned = try await Program.run(
                ["cache", "prune", "--max-size", "\(sizes.reduce(0, +))"], in: place)
            #expect(pruned.output.hasPrefix("deleted 1 outputs"), "\(pruned.output)")
            // What was used last is still there.
            #expect(try await run("one", "a.mp4", place).reused == ["probe", "transcode"])
            let all = try await Program.run(["cache", "prune", "--all"], in: place)
            #expect(all.output.hasPrefix("deleted 2 outputs"))
            let left = FileManager.default.enumerator(atPath: place.home.appending(path: "cache/files").path)
            #expect(try #require(left?.allObjects as? [String]).allSatisfy { $0.count < 64 })
            #expect(try await Program.run(["cache", "prune"], in: place).status == 64)
        }
    }
}
