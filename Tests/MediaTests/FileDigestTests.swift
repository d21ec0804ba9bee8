import Foundation
import Media
import SpreaderTesting
import Testing

@Suite struct FileDigestTests {
    @Test func givesTheStandardDigest() throws {
        let folder = try MediaFolder()
        _ = try folder.source("abc", bytes: Data("abc".utf8))
        #expect(
            try FileDigest.sha256(ofFileAt: folder.path("abc"))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test func namesAFileThatIsNotThere() throws {
        let folder = try MediaFolder()
        #expect { try FileDigest.sha256(ofFileAt: folder.path("none")) } throws: { error in
            (error as? MediaError)?.file == folder.path("none")
        }
    }
}
