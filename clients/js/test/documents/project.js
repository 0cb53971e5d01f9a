/** An empty folder in which somebody does what a document says. */
import { appendFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { SIDGATE } from '../versions/gateway.js';
import { call, freePort, NEXT_QUIET, ROOT, Server } from '../versions/tools.js';

/** The ports of the documents: gateway, app, admin. The test has others. */
const PORTS = ['3000', '3001', '9901'];
/** create-next-app of that time, asked what the one of today is not. */
const QUESTIONS = { 14: "--ts --eslint --tailwind --app --no-src-dir --import-alias '@/*' --use-npm" };

export class Project {
  counts = { run: 0, 'not run': 0 };
  servers = new Map();

  /** `line`: today's Next.js, or an earlier one. */
  static async begin(folder, line, today) {
    const project = new Project();
    const bin = join(folder, 'bin');
    await mkdir(bin);
    await symlink(SIDGATE, join(bin, 'sidgate'));
    await symlink(ROOT.replace(/\/$/, ''), join(folder, 'sidgate'));
    const path = [bin, dirname(process.execPath), process.env.PATH].join(delimiter);
    // npx asks before it downloads, where there is somebody to ask.
    const env = { ...NEXT_QUIET, PATH: path, npm_config_yes: 'true' };
    Object.assign(project, { cwd: folder, line, today, env });
    project.ports = Object.fromEntries(await Promise.all(PORTS.map(async (port) => [port, await freePort()])));
    return project;
  }

  get origin() {
    return `http://localhost:${this.ports['3000']}`;
  }

  /** As the document has it, for the ports and the version of this test. */
  translated(text) {
    let said = text.replace(/\b(3000|3001|9901)\b/g, (port) => this.ports[port]);
    if (this.line === this.today) return said;
    said = said.replace('create-next-app@latest', `create-next-app@${this.line}`);
    return QUESTIONS[this.line] ? said.replace('--yes', QUESTIONS[this.line]) : said;
  }

  async follow(block) {
    const { word, rest } = block.directive ?? {};
    if (word === 'not run' || (word === 'needs' && !(await this.has(rest)))) {
      this.counts['not run']++;
      return;
    }
    this.counts.run++;
    if (block.file !== undefined) await this.write(block);
    else if (block.language !== 'sh') throw new Error(`${block.where}: neither a file nor a command`);
    else if (word === undefined) await this.shell(block.text);
    else await this.keep(block.text);
  }

  async has(command) {
    return call('bash', ['-c', `${command} --help`], { env: this.env }).then(() => true, () => false);
  }

  async write({ file, more, text }) {
    let [path, content] = [file, this.translated(text)];
    // Before Next.js 16, as the document says.
    if (path === 'proxy.ts' && this.line !== this.today) {
      [path, content] = ['middleware.ts', content.replace('const proxy', 'const middleware')];
    }
    const target = join(this.cwd, path);
    await mkdir(dirname(target), { recursive: true });
    await (more ? appendFile(target, `\n${content}`) : writeFile(target, content));
    if (path === 'sidgate.toml') await this.shell('sidgate check --config sidgate.toml');
  }

  async shell(text) {
    // One Next.js at a time works in a folder.
    if (/npm run build/.test(text)) await this.stop('app');
    const script = `set -e\n${this.translated(text)}\npwd >&3\n`;
    const options = { cwd: this.cwd, env: this.env, maxBuffer: 2 ** 26 };
    const { stdout } = await call('bash', ['-c', `exec 3>&1 1>&2; ${script}`], options);
    this.cwd = stdout.trim();
    if (text.includes('create-next-app')) await this.withoutGoogle();
  }

  /** Fonts that are loaded from Google while an app is built are no part of this, and need the network. */
  async withoutGoogle() {
    const layout = join(this.cwd, 'app/layout.tsx');
    const text = await readFile(layout, 'utf8');
    if (!text.includes('next/font/google')) return;
    const without = text
      .replace(/import .* from "next\/font\/google";\n/, '')
      .replace(/const geist\w+ = Geist\w*\(\{[^}]*\}\);\n/g, '')
      .replace(/\$\{geist\w+\.variable\} ?/g, '');
    await writeFile(layout, without);
  }

  async keep(text) {
    const [name, port] = text.startsWith('sidgate') ? ['gateway', this.ports['9901']] : ['app', this.ports['3001']];
    await this.stop(name);
    const ready = name === 'gateway' ? `http://127.0.0.1:${port}/readyz` : /ready in/i;
    const options = { cwd: this.cwd, env: this.env, ready };
    this.servers.set(name, await Server.start('bash', ['-c', `exec ${this.translated(text).trim()}`], options));
  }

  async stop(name) {
    await this.servers.get(name)?.stop();
    this.servers.delete(name);
  }

  async end() {
    for (const name of [...this.servers.keys()]) await this.stop(name);
  }
}
