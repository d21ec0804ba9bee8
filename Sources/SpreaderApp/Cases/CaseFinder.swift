import Foundation

/// Finds the test-case files for the arguments of `test`.
package enum CaseFinder {
    private static let endings = ["json", "yaml", "yml"]

    /// An argument without test cases.
    package struct Missing: Error {
        package var message: String
    }

    /// The test-case files, without duplicates: the named ones, those in named folders, and those next to named pipelines.
    /// Without arguments, those in the current folder and in `pipelines`.
    package static func files(_ places: [String]) throws(Missing) -> [String] {
        var found: [String] = []
        for place in places.isEmpty ? [".", "pipelines"] : places {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: place, isDirectory: &isFolder) else {
                if places.isEmpty { continue }
                throw Missing(message: "no such file or folder: \"\(place)\"")
            }
            let files = isFolder.boolValue ? inFolder(place) : isCases(place) ? [place] : beside(place)
            if files.isEmpty, !places.isEmpty {
                let name = URL(filePath: place).deletingPathExtension().lastPathComponent
                throw Missing(
                    message: isFolder.boolValue
                        ? "no file in \(place) ends with .test.json"
                        : "\(place) has no test cases: \(name).test.json does not exist")
            }
            found += files.filter { !found.contains($0) }
        }
        if found.isEmpty { throw Missing(message: "no file in the current folder or pipelines/ ends with .test.json") }
        return found
    }

    private static func isCases(_ name: String) -> Bool {
        endings.contains { name.lowercased().hasSuffix(".test.\($0)") }
    }

    private static func inFolder(_ folder: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let prefix = folder == "." ? "" : folder.hasSuffix("/") ? folder : folder + "/"
        return names.filter(isCases).sorted().map { prefix + $0 }
    }

    private static func beside(_ pipeline: String) -> [String] {
        let stem = String(pipeline.dropLast(URL(filePath: pipeline).pathExtension.count + 1))
        return endings.map { "\(stem).test.\($0)" }.filter { FileManager.default.fileExists(atPath: $0) }
    }
}
