import Foundation

/// A setting of a fault plan: its name, and how to store its JSON value in ``SandboxSettings``.
struct SettingKey: Sendable {
    let name: String
    /// Stores the value. Returns a message if it is invalid, otherwise `nil`.
    let store: @Sendable (SandboxJSON, inout SandboxSettings) -> String?

    /// Every setting, in the order of the documentation.
    static let all: [SettingKey] = [
        seconds("processingSeconds", \.processingSeconds),
        seconds("moderationSeconds", \.moderationSeconds),
        text("stuckStatus", \.stuckStatus),
        text("failReason", \.failReason),
        flag("appAudited", \.appAudited),
        choice("accountPrivacy", \.accountPrivacy),
        displayName("accountUsername", \.accountUsername),
        displayName("accountNickname", \.accountNickname),
        text("accountOpenID", \.accountOpenID),
        list("privacyLevelOptions", \.privacyLevelOptions),
        flag("commentDisabled", \.commentDisabled),
        optionalFlag("duetDisabled", \.duetDisabled),
        optionalFlag("stitchDisabled", \.stitchDisabled),
        positive("maxVideoPostDurationSeconds", \.maxVideoPostDurationSeconds),
        text("creatorInfoError", \.creatorInfoError),
        seconds("accessTokenSeconds", \.accessTokenSeconds),
        seconds("refreshTokenSeconds", \.refreshTokenSeconds),
        seconds("authorizationCodeSeconds", \.authorizationCodeSeconds),
        choice("refreshRotation", \.refreshRotation),
        list("grantedScopes", \.grantedScopes),
        flag("autoApprove", \.autoApprove),
        flag("acceptBase64URLChallenge", \.acceptBase64URLChallenge),
        flag("oauthErrorsAnswer200", \.oauthErrorsAnswer200),
        count("initPerMinute", \.initPerMinute),
        count("creatorInfoPerMinute", \.creatorInfoPerMinute),
        count("statusPerMinute", \.statusPerMinute),
        count("userInfoPerMinute", \.userInfoPerMinute),
        count("postsPerDay", \.postsPerDay),
        count("pendingInboxShares", \.pendingInboxShares),
        SettingKey(name: "activeUsersPerDay") { value, settings in
            guard value == .null || value.integerValue.map({ $0 >= 0 && $0 <= Int32.max }) == true else {
                return "takes a whole number from 0, or null"
            }
            settings.activeUsersPerDay = value.integerValue.map { Int($0) }
            return nil
        },
        SettingKey(name: "webhookURL") { value, settings in
            guard value != .null else {
                settings.webhookURL = nil
                return nil
            }
            // The sandbox never sends anything to another machine.
            guard let text = value.stringValue, let parts = URLComponents(string: text), parts.scheme == "http",
                let host = parts.host, ["127.0.0.1", "localhost"].contains(host)
            else { return "takes an address such as http://127.0.0.1:8080/webhook/tiktok, or null" }
            settings.webhookURL = text
            return nil
        },
        choice("webhookFault", \.webhookFault),
        SettingKey(name: "verifiedURLPrefixes") { value, settings in
            guard value != .null else {
                settings.verifiedURLPrefixes = nil
                return nil
            }
            // The sandbox never fetches anything from another machine.
            guard let prefixes = value.arrayValue?.map(\.stringValue), prefixes.allSatisfy({ isLocalPrefix($0) }) else {
                return "takes a list of prefixes such as http://127.0.0.1:8000/videos/, or null"
            }
            settings.verifiedURLPrefixes = prefixes.compactMap(\.self)
            return nil
        },
        seconds("pullSeconds", \.pullSeconds),
        positive("multipartMaxBytes", \.multipartMaxBytes),
        positive("multipartMaxSeconds", \.multipartMaxSeconds),
        count("multipartUploadsPerDay", \.multipartUploadsPerDay),
        flag("multipartVideosAreSpent", \.multipartVideosAreSpent),
        choice("uploadHost", \.uploadHost),
        choice("chunkLimits", \.chunkLimits),
        flag("singleMustMatch", \.singleMustMatch),
        flag("lenientSingle", \.lenientSingle),
        flag("legacy2023", \.legacy2023),
        choice("uploadedContentRangeStyle", \.uploadedContentRangeStyle),
        seconds("uploadURLSeconds", \.uploadURLSeconds),
        positive("maxVideoBytes", \.maxVideoBytes),
    ]

    private typealias Path<Value> = any WritableKeyPath<SandboxSettings, Value> & Sendable

    private static func seconds(_ name: String, _ path: Path<Double>) -> SettingKey {
        SettingKey(name: name) { value, settings in
            guard let number = value.doubleValue, number >= 0 else { return "takes a number of seconds" }
            settings[keyPath: path] = number
            return nil
        }
    }

    private static func positive(_ name: String, _ path: Path<Int64>) -> SettingKey {
        SettingKey(name: name) { value, settings in
            guard let number = value.integerValue, number > 0 else { return "takes a whole number above 0" }
            settings[keyPath: path] = number
            return nil
        }
    }

    private static func count(_ name: String, _ path: Path<Int>) -> SettingKey {
        SettingKey(name: name) { value, settings in
            guard let number = value.integerValue, number >= 0, number <= Int32.max else {
                return "takes a whole number from 0"
            }
            settings[keyPath: path] = Int(number)
            return nil
        }
    }

    private static func flag(_ name: String, _ path: Path<Bool>) -> SettingKey {
        SettingKey(name: name) { value, settings in
            guard let flag = value.boolValue else { return "takes true or false" }
            settings[keyPath: path] = flag
            return nil
        }
    }

    private static func optionalFlag(_ name: String, _ path: Path<Bool?>) -> SettingKey {
        SettingKey(name: name) { value, settings in
            guard value == .null || value.boolValue != nil else { return "takes true, false or null" }
            settings[keyPath: path] = value.boolValue
            return nil
        }
    }

    private static func text(_ name: String, _ path: Path<String?>) -> SettingKey {
        SettingKey(name: name) { value, settings in
            guard value == .null || value.stringValue != nil else { return "takes a string or null" }
            settings[keyPath: path] = value.stringValue
            return nil
        }
    }

    private static func list(_ name: String, _ path: Path<[String]?>) -> SettingKey {
        SettingKey(name: name) { value, settings in
            if value == .null {
                settings[keyPath: path] = nil
                return nil
            }
            guard let texts = value.arrayValue?.map(\.stringValue), !texts.contains(nil) else {
                return "takes a list of strings or null"
            }
            settings[keyPath: path] = texts.compactMap(\.self)
            return nil
        }
    }

    private static func choice<Value: RawRepresentable & CaseIterable & Sendable>(
        _ name: String, _ path: Path<Value>
    ) -> SettingKey where Value.RawValue == String {
        SettingKey(name: name) { value, settings in
            guard let chosen = value.stringValue.flatMap(Value.init(rawValue:)) else {
                return "takes one of " + Value.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            }
            settings[keyPath: path] = chosen
            return nil
        }
    }

    private static func displayName(_ name: String, _ path: Path<String>) -> SettingKey {
        SettingKey(name: name) { value, settings in
            guard let text = value.stringValue, !text.isEmpty else { return "takes a name" }
            settings[keyPath: path] = text
            return nil
        }
    }

    /// Whether a URL prefix is on this machine.
    private static func isLocalPrefix(_ text: String?) -> Bool {
        guard let text, text.hasSuffix("/"), let parts = URLComponents(string: text), let host = parts.host else {
            return false
        }
        return ["http", "https"].contains(parts.scheme) && ["127.0.0.1", "localhost"].contains(host)
            && parts.user == nil && parts.query == nil && parts.fragment == nil
    }
}
