import js from '@eslint/js';
import jsxA11y from 'eslint-plugin-jsx-a11y';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

const globals = { console: 'readonly', process: 'readonly', URL: 'readonly' };
const scripts = { files: ['scripts/*.js'], languageOptions: { globals } };

export default tseslint.config({ ignores: ['dist', 'node_modules', 'packed'] }, js.configs.recommended, scripts, {
  files: ['**/*.{ts,tsx}'],
  extends: [
    ...tseslint.configs.strictTypeChecked,
    ...tseslint.configs.stylisticTypeChecked,
    jsxA11y.flatConfigs.strict,
    reactHooks.configs.flat.recommended,
  ],
  languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
  rules: {
    '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
    '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    // The router redirects by throwing what is no Error.
    '@typescript-eslint/only-throw-error': ['error', { allow: ['Redirect'], allowThrowingAny: true }],
    // Tables and virtual rows hand out functions that the compiler can't remember; it leaves those components alone.
    'react-hooks/incompatible-library': 'off',
  },
});
