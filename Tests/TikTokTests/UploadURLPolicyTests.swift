import PipelineKit
import Testing

@testable import TikTok

@Suite struct UploadURLPolicyTests {
    @Test(arguments: [
        "https://open-upload.tiktokapis.com/video/?upload_id=1&upload_token=a-b",
        "https://upload.us.tiktokapis.com/upload?upload_id=1",
        "https://open-upload-va.tiktokapis.com:443/video/?upload_id=1",
        "https://tiktokapis.com/video", "https://x.tiktok.com/video",
    ])
    func allowsTikToksHosts(url: String) {
        #expect(UploadURLPolicy.allows(Secret(url), apiIsLoopback: false))
        #expect(UploadURLPolicy.allows(Secret(url), apiIsLoopback: true))
    }

    @Test(arguments: [
        "http://open-upload.tiktokapis.com/video/", "https://eviltiktokapis.com/", "https://tiktokapis.com.evil.org/",
        "https://tiktokapis.com@evil.org/", "https://user:pw@open-upload.tiktokapis.com/",
        "https://evil.org/?h=.tiktokapis.com", "https://evil.org#.tiktokapis.com", "https://evil.org\\.tiktokapis.com/",
        "https://open-upload.tiktokapis.com:8443/", "ftp://open-upload.tiktokapis.com/", "file:///etc/passwd", "",
        "open-upload.tiktokapis.com/video", "https:///video", "https://open upload.tiktokapis.com/",
        "https://tiktokapis.com\n.evil.org/", "https://169.254.169.254/latest/", "https://10.0.0.1/",
    ])
    func refusesOthers(url: String) {
        #expect(!UploadURLPolicy.allows(Secret(url), apiIsLoopback: false))
        #expect(!UploadURLPolicy.allows(Secret(url), apiIsLoopback: true))
    }

    @Test(arguments: [
        "http://127.0.0.1:8080/upload?t=1", "http://localhost:1/", "http://[::1]:99/x", "https://127.9.9.9/",
    ])
    func allowsThisMachineOnlyWhenTheAPIIsHere(url: String) {
        #expect(UploadURLPolicy.allows(Secret(url), apiIsLoopback: true))
        #expect(!UploadURLPolicy.allows(Secret(url), apiIsLoopback: false))
    }

    @Test(arguments: ["127.0.0.1.evil.org", "127.evil.org", "localhost.evil.org", "1270.0.0.1", "127.0.0.300"])
    func isNotFooledByLoopbackLookalikes(host: String) {
        #expect(!LoopbackHost.contains(host))
    }
}
