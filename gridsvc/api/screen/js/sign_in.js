/** Gives a key to the service and goes on to the page that was asked for. */

const form = document.getElementById("form");
const wrong = document.getElementById("wrong");
const go = document.getElementById("go");

/** Only a path of our own: a link may not send the freshly signed in elsewhere. */
function next() {
  const asked = new URLSearchParams(location.search).get("next") ?? "/";
  return /^\/(?![/\\])/.test(asked) ? asked : "/";
}

function refuse(words) {
  wrong.textContent = words;
  wrong.hidden = false;
  form.key.setAttribute("aria-invalid", "true");
  form.key.focus();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  wrong.hidden = true;
  const key = form.key.value.trim();
  if (!key) return refuse("请输入密钥。 Give your key.");
  go.disabled = true;
  try {
    const answer = await fetch("/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ key }),
    });
    if (answer.ok) return location.replace(next());
    const seconds = answer.headers.get("retry-after");
    if (answer.status === 429) refuse(`尝试过多，请在 ${seconds} 秒后再试。 Too many attempts; try again in ${seconds} s.`);
    else if (answer.status < 500) refuse("密钥无效或已吊销，请完整复制。 This key is not known, or it was revoked.");
    else refuse("服务暂时不可用，请重试。 The service is away for a moment; try again.");
  } catch {
    refuse("无法连接服务。 The service cannot be reached.");
  } finally {
    go.disabled = false;
  }
});
