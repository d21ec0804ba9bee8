import Foundation
import PipelineKit
import Testing

@Suite struct FileSizeTests {
    @Test func followsSymbolicLinks() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "size-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (file, link) = (folder.appending(path: "file").path, folder.appending(path: "link").path)
        try Data(count: 5000).write(to: URL(filePath: file))
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: file)
        #expect(try FileSize.of(file) == 5000)
        #expect(try FileSize.of(link) == 5000)
        let error = #expect(throws: StageError.self) { try FileSize.of(file + "-missing") }
        #expect(error?.code == .fileSystem && error?.message.contains("No such file") == true)
    }
}
