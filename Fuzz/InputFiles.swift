import Foundation

extension URL {
    /// The file at the path, or the files in the folder at the path. Nil if nothing exists there.
    static func files(at path: String) throws -> [URL]? {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return nil }
        let url = URL(filePath: path)
        return isFolder.boolValue
            ? try FileManager.default.contentsOfDirectory(at: url, includingPropertiesForKeys: nil) : [url]
    }
}
