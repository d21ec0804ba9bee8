public import Foundation

/// Real footage and the delivery checker, on machines that have them beside the repository.
public enum MediaCorpus {
    /// The footage folder: `SPREADER_FOOTAGE`, or `../shared/footage` relative to the repository; nil if it is missing.
    public static let folder: URL? = {
        if let path = ProcessInfo.processInfo.environment["SPREADER_FOOTAGE"] {
            return existing(URL(fileURLWithPath: path))
        }
        let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return existing(root.deletingLastPathComponent().appendingPathComponent("shared/footage"))
    }()

    /// All footage files, sorted by name.
    public static var files: [URL] {
        guard let folder else { return [] }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { !$0.hasSuffix(".tsv") }.sorted().map { folder.appendingPathComponent($0) }
    }

    /// Runs `check-delivery` on files.
    /// - Returns: One line per file that fails; nil if the checker or ffprobe is missing.
    public static func failures(of paths: [String], arguments: [String] = []) -> [String]? {
        guard let tool = folder?.deletingLastPathComponent().appendingPathComponent("tools/check-delivery"),
            FileManager.default.isReadableFile(atPath: tool.path), !paths.isEmpty,
            FileManager.default.isExecutableFile(atPath: "/usr/bin/ffprobe")
        else { return nil }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", tool.path] + arguments + paths
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return output.split(separator: "\n").map(String.init).filter { $0.hasPrefix("FAIL") }
    }

    private static func existing(_ url: URL) -> URL? {
        FileManager.default.fileExists(atPath: url.path) ? url : nil
    }
}
